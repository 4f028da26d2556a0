/** The seven ends of a subagent (contracts §2). Every subagent ends in exactly one. */
export const SUBAGENT_STATUSES = [
  'completed',
  'failed',
  'timed_out',
  'budget_reached',
  'stopped',
  'skipped',
  'not_attempted',
] as const;
export type SubagentStatus = (typeof SUBAGENT_STATUSES)[number];

/** How many subagents ended in each status; all seven keys, zeros included. */
export type Census = Record<SubagentStatus, number>;

export const FLEET_STATES = ['running', 'paused', 'completed', 'failed', 'cancelled'] as const;
export type FleetState = (typeof FLEET_STATES)[number];

/** Why a paused fleet is paused. `rate_limit` and a `usage_limit` with a reset go on by themselves, `disk_full` too. */
export const PAUSE_REASONS = [
  'user',
  'approval',
  'budget_reached',
  'rate_limit',
  'usage_limit',
  'authentication',
  'disk_full',
] as const;
export type PauseReason = (typeof PAUSE_REASONS)[number];

/**
 * Where one subagent stands, as one letter, so that a batch or a fleet is one string: 50,000 subagents are 50 KB in a
 * query and readable in Temporal's UI. Small letters move on, capitals are the seven ends.
 */
export const UNIT_LETTERS = {
  waiting: 'w', // for its prerequisites
  queued: 'q',
  inBatch: 'b', // handed to a batch, not started there
  running: 'r',
  parked: 'p',
  completed: 'C',
  failed: 'F',
  timed_out: 'T',
  budget_reached: 'B',
  stopped: 'S',
  skipped: 'K',
  not_attempted: 'N',
} as const;
export type UnitLetter = (typeof UNIT_LETTERS)[keyof typeof UNIT_LETTERS];

const STATUS_OF_LETTER: ReadonlyMap<string, SubagentStatus> = new Map(
  SUBAGENT_STATUSES.map((status) => [UNIT_LETTERS[status], status]),
);

/** The status a letter stands for; undefined while the subagent has not ended. */
export function statusOfLetter(letter: string): SubagentStatus | undefined {
  return STATUS_OF_LETTER.get(letter);
}

/** How many subagents a census counts. */
export function endedIn(census: Census): number {
  return SUBAGENT_STATUSES.reduce((sum, status) => sum + census[status], 0);
}

export function emptyCensus(): Census {
  return { completed: 0, failed: 0, timed_out: 0, budget_reached: 0, stopped: 0, skipped: 0, not_attempted: 0 };
}
