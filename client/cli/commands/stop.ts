import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';

export const register: Register = (program) => {
  program
    .command('stop')
    .description('end some subagents now; what they did so far is kept')
    .addArgument(fleetArgument())
    .argument('<label...>', 'labels of the subagents')
    .addOption(plainFormat())
    .addHelpText('after', '\nExample:\n  muster stop @latest lib-a lib-b')
    .action(async (id: string, labels: string[], { outputFormat }: { outputFormat: 'text' | 'json' }) => {
      const { endSome } = await import('../steering.ts');
      await endSome(outputFormat, id, labels, (fleet) => fleet.stop(labels));
    });
};
