import { Option, type Command } from 'commander';
import type { RunFlags } from './commands/run.ts';
import { concurrency, duration, keyValue, repeated, ruleList, usd, wholeNumber } from './values.ts';

/** Deeper than any tree that still helps its root. */
const MAX_DEPTH = 20;

/** What a fleet is made of besides its file, for every command that makes one. */
export const withPlanOptions = (command: Command): Command =>
  command
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
    .option('--timeout <duration>', 'per subagent, such as 30m', duration);

type SpeltByClaude = Pick<RunFlags, 'allow' | 'deny' | 'allowedTools' | 'disallowedTools' | 'budget' | 'maxBudgetUsd'>;

/** Flags as `claude` spells them, under the names they have here too. */
export function asMuster<T extends SpeltByClaude>(flags: T): T {
  const { allowedTools = [], disallowedTools = [], budget = flags.maxBudgetUsd } = flags;
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
