import type { Command } from 'commander';
import type { Register } from '../context.ts';
import { OUTPUT_FORMATS, type OutputFormat } from '../output-format.ts';
import { asMuster, withPlanOptions } from '../plan-options.ts';
import { duration, oneOf } from '../values.ts';

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
  const command = program
    .command('run')
    .summary('run a fleet and stay with it until it has ended')
    .description(
      'Runs a fleet file, a task list (- reads stdin), a workflow script or a prompt, and stays with the fleet until it ' +
        'has ended.',
    )
    .argument('[file]', 'fleet.yaml, tasks.json, script.js, the name of a saved script, or - for stdin')
    .option('--prompt <text>', 'instead of a file: what a Claude is to do that may spawn subagents');
  withPlanOptions(command)
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
