import type { Grant } from '../../workflows/contract/task.schema.ts';
import { resolveGrant } from '../spec/permissions.ts';
import { CommandFailure } from '../cli/context.ts';

/** What whoever started the server lets its callers have. */
export interface ServerLimits {
  /** Absolute and real. Paths of calls are relative to it. */
  cwd: string;
  /** Absolute and real: `cwd` first, then what else a task may work on. */
  roots: readonly string[];
  /** What no subagent may exceed. */
  ceiling: Grant;
  /** Hard cap of each fleet; null: none. */
  budgetMicroUsd: number | null;
  /** Most subagents of one fleet, spawned ones included; undefined: as elsewhere. */
  maxAgents: number | undefined;
  /** Every fleet runs on a simulated Claude. */
  isSimulated: boolean;
  /** How long a call that waits takes where it says nothing itself. */
  waitMs: number;
}

/** Many clients give up after 60 s and tell their model nothing; whose does not may ask for more. */
export const DEFAULT_WAIT_MS = 50_000;

/**
 * `edit` and `spawn_subagents`, as for a `--prompt` parent, with these rules. The caller is a model: what runs commands,
 * reaches a network or a server is for a person to allow. Throws `CommandFailure` 2 for a text that is no rule.
 */
export function ceilingOf(allow: readonly string[], deny: readonly string[]): Grant {
  const { grant, faults } = resolveGrant({ allow: ['Edit(**)', 'spawn_subagents', ...allow], deny: [...deny] });
  if (faults.length === 0) return grant;
  const [{ message, hint }] = faults as [(typeof faults)[number]];
  throw new CommandFailure(2, message, hint);
}
