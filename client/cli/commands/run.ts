import { Option, type Command } from 'commander';
import type { Register } from '../context.ts';
import { OUTPUT_FORMATS, type OutputFormat } from '../output-format.ts';
import { concurrency, duration, keyValue, oneOf, usd, wholeNumber } from '../values.ts';

/** What `run` was told; amounts in US dollars, times in milliseconds. */
export interface RunFlags {
  param?: Record<string, string>;
  concurrency?: number;
  budget?: number;
  /** As `claude` spells it. */
  maxBudgetUsd?: number;
  maxAgents?: number;
  model?: string;
  timeout?: number;
  wait?: number;
  detach?: boolean;
  fresh?: boolean;
  reuse?: boolean;
  simulate?: boolean;
  yes?: boolean;
  idempotencyKey?: string;
  outputFormat: OutputFormat;
  quiet?: boolean;
  input?: boolean;
}

const EXAMPLES = `
Examples:
  muster run fleet.yaml
  muster run fleet.yaml --simulate                 without Claude and without cost
  muster run tasks.json --concurrency 20 --budget 25
  muster run fleet.yaml -p library=moment --timeout 10m --wait 2h
  muster run fleet.yaml --detach --idempotency-key "$CI_PIPELINE_ID"
  generate-tasks | muster run - --output-format json | jq .census

Exit codes: 0 all completed (or not eligible), 2 usage or invalid file, 3 ended otherwise, 4 authentication,
5 budget, 6 approval, 7 cancelled, 8 still running after --wait, 130 and 143 interrupted: the fleet goes on.`;

export const register: Register = (program: Command) => {
  program
    .command('run')
    .summary('run a fleet and stay with it until it has ended')
    .description('Runs a fleet file or a task list (- reads stdin) and stays with the fleet until it has ended.')
    .argument('<file>', 'fleet.yaml, tasks.json, or - for stdin')
    .option('-p, --param <key=value>', 'value of a parameter of the file; may be repeated', keyValue)
    .option('--concurrency <n>', 'subagents in flight at once (default 50)', concurrency)
    .option('--budget <usd>', 'hard cap of the whole fleet; --max-budget-usd is the same', usd)
    .addOption(new Option('--max-budget-usd <usd>').argParser(usd).hideHelp())
    .option('--max-agents <n>', 'most subagents spawned by subagents (default 1000)', wholeNumber(100_000))
    .option('--model <model>', 'model of all tasks')
    .option('--timeout <duration>', 'per subagent, such as 30m', duration)
    .option('--wait <duration>', 'leave the fleet to itself after this long, with exit code 8', duration)
    .option('--detach', 'start it, print {id, status} and leave')
    .option('--fresh', 'take over no earlier result')
    .option('--reuse', 'take over earlier results of any fleet')
    .option('--simulate', 'a simulated Claude: no credential, no cost')
    .option('--yes', 'start without asking')
    .option('--idempotency-key <key>', 'the same key is the same fleet, started once')
    .option('--output-format <format>', 'text, json or stream-json', oneOf(OUTPUT_FORMATS), 'text')
    .option('--quiet', 'no talk on stderr')
    .option('--no-input', 'never ask')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, flags: RunFlags) => {
      const { runFleet } = await import('../run-fleet.ts');
      const { budget = flags.maxBudgetUsd } = flags;
      process.exitCode = await runFleet(file, { ...flags, ...(budget !== undefined && { budget }) });
    });
};
