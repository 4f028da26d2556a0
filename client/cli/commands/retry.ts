import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';

export interface RetryFlags {
  failed?: boolean;
  cluster?: string;
  outputFormat: 'text' | 'json';
}

const EXAMPLES = `
Examples:
  muster retry @latest                          all that did not complete
  muster retry @latest --failed --cluster 3fa2b1  one kind of failure, as the summary names it
  muster retry @latest lib-a lib-b

A fleet that has ended goes on under the same id; what had completed stays.`;

export const register: Register = (program) => {
  program
    .command('retry')
    .description('run subagents again: some by label, or all that failed')
    .addArgument(fleetArgument())
    .argument('[label...]', 'labels of the subagents')
    .option('--failed', 'all that did not complete (the default without labels)')
    .option('--cluster <signature>', 'of the failed only those with this kind of failure')
    .addOption(plainFormat())
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, labels: string[], flags: RetryFlags) => {
      const { retryFleet } = await import('../retry-fleet.ts');
      await retryFleet(id, labels, flags);
    });
};
