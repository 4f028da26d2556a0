import { Option } from 'commander';
import { CommandFailure, type Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';
import { concurrency, usd } from '../values.ts';

interface SetFlags {
  concurrency?: number;
  budget?: number;
  maxBudgetUsd?: number;
  outputFormat: 'text' | 'json';
}

export const register: Register = (program) => {
  program
    .command('set')
    .description('change the limits of a running or paused fleet; a raised budget goes on by itself')
    .addArgument(fleetArgument())
    .option('--concurrency <n>', 'subagents in flight at once', concurrency)
    .option('--budget <usd>', 'hard cap of the whole fleet', usd)
    .addOption(new Option('--max-budget-usd <usd>').argParser(usd).hideHelp())
    .addOption(plainFormat())
    .addHelpText('after', '\nExamples:\n  muster set @latest --concurrency 10\n  muster set @latest --budget 50')
    .action(async (id: string, flags: SetFlags) => {
      const { concurrency, budget = flags.maxBudgetUsd } = flags;
      if (concurrency === undefined && budget === undefined) {
        throw new CommandFailure(2, 'nothing to set', 'give --concurrency N, --budget USD or both');
      }
      const { steer } = await import('../steering.ts');
      const limits = {
        ...(concurrency !== undefined && { concurrency }),
        ...(budget !== undefined && { budgetUsd: budget }),
      };
      await steer(flags.outputFormat, id, (fleet) => fleet.set(limits));
    });
};
