import { Option, type Command } from 'commander';
import type { Register } from '../context.ts';
import { OUTPUT_FORMATS, type OutputFormat } from '../output-format.ts';
import { concurrency, duration, keyValue, oneOf, repeated, ruleList, usd, wholeNumber } from '../values.ts';

/** What `run` was told; amounts in US dollars, times in milliseconds. */
export interface RunFlags {
  /** Of a Claude that is the parent, in place of a file. */
  prompt?: string;
  /** JSON, or `@` and the file that holds it. */
  args?: string;
  allow?: string[];
  deny?: string[];
  /** As `claude` spells them. */
  allowedTools?: string[];
  disallowedTools?: string[];
  maxDepth?: number;
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

/** Deeper than any tree that still helps its root. */
const MAX_DEPTH = 20;

const EXAMPLES = `
Examples:
  muster run fleet.yaml
  muster run fleet.yaml --simulate                 without Claude and without cost
  muster run tasks.json --concurrency 20 --budget 25
  muster run fleet.yaml -p library=moment --timeout 10m --wait 2h
  muster run fleet.yaml --detach --idempotency-key "$CI_PIPELINE_ID"
  generate-tasks | muster run - --output-format json | jq .census
  muster run review.js --args '{"base": "main"}'   a workflow script, by its file or its name in .claude/workflows
  muster run --prompt "Find and mend flaky tests, one subagent for each." --allow "Bash(npm test:*)" --budget 20

Exit codes: 0 all completed (or not eligible), 2 usage or invalid file, 3 ended otherwise, 4 authentication,
5 budget, 6 approval, 7 cancelled, 8 still running after --wait, 130 and 143 interrupted: the fleet goes on.`;

export const register: Register = (program: Command) => {
  program
    .command('run')
    .summary('run a fleet and stay with it until it has ended')
    .description(
      'Runs a fleet file, a task list (- reads stdin), a workflow script or a prompt, and stays with the fleet until it ' +
        'has ended.',
    )
    .argument('[file]', 'fleet.yaml, tasks.json, script.js, the name of a saved script, or - for stdin')
    .option('--prompt <text>', 'instead of a file: what a Claude is to do that may spawn subagents')
    .option('-p, --param <key=value>', 'value of a parameter of a fleet file; may be repeated', keyValue)
    .option('--args <json|@file>', 'what a script finds as `args`')
    .option('--allow <rule>', 'let subagents do more than edit, such as "Bash(npm test:*)"; may be repeated', repeated)
    .option('--deny <rule>', 'what no subagent may do, such as "Read(secrets/**)"; may be repeated', repeated)
    .addOption(new Option('--allowedTools <rules>').argParser(ruleList).hideHelp())
    .addOption(new Option('--disallowedTools <rules>').argParser(ruleList).hideHelp())
    .option('--concurrency <n>', 'subagents in flight at once (default 50)', concurrency)
    .option('--budget <usd>', 'hard cap of the whole fleet; --max-budget-usd is the same', usd)
    .addOption(new Option('--max-budget-usd <usd>').argParser(usd).hideHelp())
    .option('--max-agents <n>', 'most subagents that a script or subagents spawn (default 1000)', wholeNumber(100_000))
    .option('--max-depth <n>', 'how deep subagents may spawn subagents (default 3)', wholeNumber(MAX_DEPTH))
    .option('--model <model>', 'model of all tasks; of a script, where a call names none')
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
    .action(async (file: string | undefined, flags: RunFlags) => {
      const { runFleet } = await import('../run-fleet.ts');
      process.exitCode = await runFleet(file, asMuster(flags));
    });
};

/** Flags as `claude` spells them, under the names they have here. */
function asMuster({ allowedTools = [], disallowedTools = [], maxBudgetUsd, ...flags }: RunFlags): RunFlags {
  const { budget = maxBudgetUsd } = flags;
  const [allow, deny] = [
    [...(flags.allow ?? []), ...allowedTools],
    [...(flags.deny ?? []), ...disallowedTools],
  ];
  return {
    ...flags,
    ...(budget !== undefined && { budget }),
    ...(allow.length > 0 && { allow }),
    ...(deny.length > 0 && { deny }),
  };
}
