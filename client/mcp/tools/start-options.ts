import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { StartOptions } from '../../library/library.ts';
import { isInside } from '../../spec/places.ts';
import type { RunWorkflow, SpawnSubagents } from '../inputs.ts';
import { outside, review } from '../review.ts';
import type { ServerLimits } from '../server-limits.ts';
import type { Call, Workshop } from '../tool.ts';

type Given = Pick<
  SpawnSubagents & RunWorkflow,
  'concurrency' | 'budget_usd' | 'max_agents' | 'max_depth' | 'model' | 'reuse' | 'idempotency_key' | 'simulate'
>;

export interface Asked {
  isSimulated: boolean;
  /** Whether a task, by its place, leaves its permissions to others. */
  isModest: (index: number) => boolean;
  notes: string[];
}

export const isSimulated = ({ simulate }: Given, { limits }: Workshop): boolean =>
  limits.isSimulated || simulate === true;

/** Options of the library, whose review keeps the fleet within the server's limits. */
export function startOptions(
  given: Given,
  asked: Asked,
  { signal, progress }: Call,
  { limits }: Workshop,
): StartOptions {
  const { concurrency, budget_usd, max_agents, max_depth, model, reuse, idempotency_key } = given;
  const note = (line: string): void => void asked.notes.push(line);
  return {
    ...(concurrency !== undefined && { concurrency }),
    ...(budget_usd !== undefined && { budgetUsd: budget_usd }),
    ...(max_agents !== undefined && { maxAgents: max_agents }),
    ...(max_depth !== undefined && { maxDepth: max_depth }),
    ...(model !== undefined && { model }),
    ...(reuse !== undefined && { reuse }),
    ...(idempotency_key !== undefined && { idempotencyKey: idempotency_key }),
    signal,
    onTalk: (line) => (line.startsWith('warning: ') ? note(line) : void progress.say(line)),
    review: (plan) => review(plan, limits, { ...asked, onNote: note }),
  };
}

/** The path of a file that a call names. One that does not exist is left to whoever reads it: it may be a name. */
export async function fileWithin(file: string, { cwd, roots }: ServerLimits): Promise<string> {
  const real = await realpath(resolve(cwd, file)).catch(() => undefined);
  if (real !== undefined && !roots.some((root) => isInside(real, root))) throw outside('the file', file, cwd);
  return file;
}
