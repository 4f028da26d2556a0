import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { FleetSource, StartOptions } from '../library/library.ts';
import { parseJson } from '../spec/json-document.ts';
import { planOf, type PlanContext } from '../spec/plan-of.ts';
import { InvalidFleet, type FleetPlan } from '../spec/plan.ts';
import type { RunFlags } from './commands/run.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';

export type PlanningFlags = Pick<
  RunFlags,
  | 'prompt'
  | 'args'
  | 'allow'
  | 'deny'
  | 'maxDepth'
  | 'param'
  | 'budget'
  | 'timeout'
  | 'maxAgents'
  | 'model'
  | 'concurrency'
>;

/** What may be taken over of earlier fleets. Throws `CommandFailure` 2 for both flags at once. */
export function reuseOf({ fresh, reuse }: Pick<RunFlags, 'fresh' | 'reuse'>): 'never' | 'always' | 'auto' {
  if (fresh && reuse) throw new CommandFailure(EXIT.usage, '--fresh and --reuse exclude each other');
  return fresh ? 'never' : reuse ? 'always' : 'auto';
}

/** What the command line names, as the library takes it. Throws `CommandFailure` 2, or `InvalidFleet` of `--args`. */
export function sourceOf(file: string | undefined, { prompt, args, param }: PlanningFlags): FleetSource {
  const refuse = (message: string, hint: string): CommandFailure => new CommandFailure(EXIT.usage, message, hint);
  if (param && args !== undefined)
    throw refuse('-p and --args exclude each other', 'a fleet file takes -p KEY=VALUE, a workflow script --args JSON');
  if (prompt !== undefined) {
    if (file !== undefined) throw refuse(`--prompt and ${file} exclude each other`, 'give one of them');
    if (param ?? args)
      throw refuse(`${param ? '-p' : '--args'} means nothing to a prompt`, 'write it into the prompt itself');
    return { prompt };
  }
  if (file === undefined)
    throw refuse("missing required argument 'file'", 'muster run FILE, or muster run --prompt "…"; muster run --help');
  return args === undefined ? { file, ...(param && { params: param }) } : { script: file, args: readArgs(args) };
}

/** JSON as given, or what `@FILE` holds. */
function readArgs(given: string): unknown {
  const file = given.startsWith('@') ? given.slice(1) : undefined;
  const { value, faults } = parseJson(file === undefined ? given : contents(file));
  if (faults.length === 0) return value;
  // A bare word is the commonest slip, and the shell takes quotes away.
  const isWord = file === undefined && /^[^\s"'[{\d-][^"'[{]*$/.test(given);
  const quoted = { hint: `write JSON: --args '${JSON.stringify(given)}', or --args @FILE` };
  throw new InvalidFleet(faults.map((fault) => ({ file: file ?? '--args', ...fault, ...(isWord && quoted) })));
}

function contents(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    throw new CommandFailure(
      EXIT.usage,
      `--args @${file}: ${why}`,
      'write --args @FILE with a file of JSON, or JSON itself',
    );
  }
}

/** Flags as the library's options, those that decide how a fleet is started (idempotency, reuse) left out. */
export function planOptions(flags: PlanningFlags): StartOptions {
  const { budget, timeout, maxAgents, maxDepth, model, concurrency, allow, deny } = flags;
  return {
    ...(budget !== undefined && { budgetUsd: budget }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(maxAgents !== undefined && { maxAgents }),
    ...(maxDepth !== undefined && { maxDepth }),
    ...(model !== undefined && { model }),
    ...(concurrency !== undefined && { concurrency }),
    ...(allow && { allow }),
    ...(deny && { deny }),
  };
}

/** Reads and checks what the command line names, with what flags and configuration say. Throws `InvalidFleet`. */
export function loadPlan(file: string, flags: PlanningFlags, config: PlanContext['config']): Promise<FleetPlan> {
  const context = { cwd: process.cwd(), config, readStdin };
  return planOf(sourceOf(file, flags), { ...planOptions(flags), ...context });
}

/** For `PlanContext`. */
export const readStdin = (): Promise<string> => text(process.stdin);
