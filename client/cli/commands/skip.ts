import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';

export const register: Register = (program) => {
  program
    .command('skip')
    .description('end some subagents as skipped')
    .addArgument(fleetArgument())
    .argument('<label...>', 'labels of the subagents')
    .addOption(plainFormat())
    .addHelpText('after', '\nExample:\n  muster skip @latest lib-a')
    .action(async (id: string, labels: string[], { outputFormat }: { outputFormat: 'text' | 'json' }) => {
      const { endSome } = await import('../steering.ts');
      await endSome(outputFormat, id, labels, (fleet) => fleet.skip(labels));
    });
};
