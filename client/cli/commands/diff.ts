import type { Register } from '../context.ts';
import { fleetArgument } from '../options.ts';

export const register: Register = (program) => {
  program
    .command('diff')
    .description('print the patches of a fleet, or of one subagent')
    .addArgument(fleetArgument())
    .argument('[label]', 'label of the subagent')
    .addHelpText(
      'after',
      '\nExamples:\n  muster diff @latest | less\n  muster diff @latest lib-a | git apply --directory=lib-a',
    )
    .action(async (id: string, label: string | undefined) => {
      const { printPatches } = await import('../result-commands.ts');
      await printPatches(id, label);
    });
};
