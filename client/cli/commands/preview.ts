import { Option } from 'commander';
import { MAX_TASKS } from '../../../workflows/contract/limits.ts';
import type { Register } from '../context.ts';
import { plainFormat } from '../options.ts';
import type { PlainFormat } from '../output-format.ts';
import { concurrency, duration, keyValue, usd, wholeNumber } from '../values.ts';

/** What `preview` was told; amounts in US dollars, times in milliseconds. */
export interface PreviewFlags {
  limit?: number;
  param?: Record<string, string>;
  concurrency?: number;
  budget?: number;
  /** As `claude` spells it. */
  maxBudgetUsd?: number;
  model?: string;
  timeout?: number;
  fresh?: boolean;
  reuse?: boolean;
  simulate?: boolean;
  yes?: boolean;
  outputFormat: PlainFormat;
  quiet?: boolean;
  input?: boolean;
}

const EXAMPLES = `
Examples:
  muster preview fleet.yaml                        the first wave of the file, else 5 targets
  muster preview fleet.yaml --limit 10 --budget 20
  muster preview fleet.yaml --simulate             without Claude and without cost

A later \`muster run\` of the same file takes over what the scouts have completed. Exit codes are those of muster run.`;

export const register: Register = (program) => {
  program
    .command('preview')
    .summary('run a few targets that stand for all, and forecast the rest')
    .description(
      'Runs a few targets of a fleet file that represent the whole, shows what each changed and cost, and forecasts ' +
        'cost and time of all. Applies and publishes nothing.',
    )
    .argument('<file>', 'fleet.yaml, tasks.json, or - for stdin')
    .option('--limit <n>', 'so many targets (default: the first wave of the file, else 5)', wholeNumber(MAX_TASKS))
    .option('-p, --param <key=value>', 'value of a parameter of the file; may be repeated', keyValue)
    .option('--concurrency <n>', 'subagents in flight at once (default 50)', concurrency)
    .option('--budget <usd>', 'hard cap of this preview; --max-budget-usd is the same', usd)
    .addOption(new Option('--max-budget-usd <usd>').argParser(usd).hideHelp())
    .option('--model <model>', 'model of all tasks')
    .option('--timeout <duration>', 'per subagent, such as 30m', duration)
    .option('--fresh', 'take over no earlier result')
    .option('--reuse', 'take over earlier results of any fleet')
    .option('--simulate', 'a simulated Claude: no credential, no cost')
    .option('--yes', 'start without asking')
    .addOption(plainFormat())
    .option('--quiet', 'no talk on stderr')
    .option('--no-input', 'never ask')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, flags: PreviewFlags) => {
      const { previewFleet } = await import('../preview-fleet.ts');
      const { budget = flags.maxBudgetUsd } = flags;
      process.exitCode = await previewFleet(file, { ...flags, ...(budget !== undefined && { budget }) });
    });
};
