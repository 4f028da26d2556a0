/** Numbers that cross rooms. Those taken from elsewhere carry their source. */

export const DEFAULT_CONCURRENCY = 50;
export const MAX_CONCURRENCY = 10_000;
export const MAX_TASKS = 100_000;
export const MAX_PROMPT_BYTES = 1_048_576;
export const MAX_GRAPH_EDGES = 250_000; // 1 MB of varints in one payload; Temporal's ceiling is 2 MB (reference/temporal.md §8)

export const DEFAULT_MODEL = 'claude-sonnet-5-5';
export const DEFAULT_TIMEOUT_MS = 30 * 60_000;
export const DEFAULT_STALL_TIMEOUT_MS = 3 * 60_000;
/** Of one verification. */
export const DEFAULT_VERIFY_TIMEOUT_MS = 10 * 60_000;

/** Batch size ≈ 5 × its permits within these bounds (reference/permits.md, measured). */
export const MIN_BATCH_SIZE = 200;
export const MAX_BATCH_SIZE = 1_000;
/** In flight per batch: heartbeats of one workflow serialise on its mutable state (reference/permits.md). */
export const MAX_PERMITS_PER_BATCH = 500;

/** Rounds in which a subagent may mend what a verification found (Stripe allows two: reference/fleet-conventions.md). */
export const MAX_REPAIRS = 2;
/**
 * The end of its timeout that a subagent has for a report of what it found: a fifth of it, at most a minute. Its work is
 * broken off before.
 */
export const REPORT_RESERVE = { share: 0.2, mostMs: 60_000 };
/** Refusals for overload in a row, after which a subagent goes on with its fallback model. */
export const OVERLOADS_BEFORE_FALLBACK = 3;
/** Share of a model's window from which on the API leaves out old tool results, and from which on it summarises. */
export const CONTEXT_SHARE = { clear: 0.5, compact: 0.75 };

export const HEARTBEAT_TIMEOUT_MS = 30_000;
export const HEARTBEAT_THROTTLE_MS = 5_000;
/** A beat in between would only replace one that waits for its throttle. */
export const HEARTBEAT_TICK_MS = HEARTBEAT_THROTTLE_MS;

/**
 * How long a model call in flight may go on after its subagent was asked to give back (pause, cancel, stop, lower
 * concurrency, drain): an answer that is nearly there is kept, a longer one is given up and booked as rework.
 */
export const HAND_BACK_GRACE_MS = 3_000;

/** The root continues as new past this many events, so that a run stays below 10,240 (Temporal warns there). */
export const ROOT_HISTORY_EVENTS = 7_000;
/** And past this much, which many who park at once can reach first: Temporal warns at 10 MiB and ends it at 50. */
export const ROOT_HISTORY_BYTES = 8 * 1_048_576;
/** From here on a root with parents of its own goes on as new when nothing is under way: Temporal suggests it at 4,096. */
export const QUIET_HISTORY = { events: 4_096, bytes: 4 * 1_048_576 };

export const MICRO_USD = 1_000_000;

/** A batch tells its root how it stands after this share of its size (reference/permits.md: ≤ 30 states a batch). */
export const STATE_EVERY = 0.05;
/**
 * Fleets up to this size report every end: a person watches them, and 5 % of a batch may be ten subagents that ended
 * half an hour ago. At most four events of the root each.
 */
export const REPORT_EACH_END = 500;
/** Where a Claude waits for so few ends more, each is reported at once, in larger fleets too: it would go on. */
export const REPORT_EACH_CHILD = 50;
/** Ends committed by one activity: seconds of its minute, and far below a payload's ceiling. */
export const MAX_SETTLED_AT_ONCE = 500;
/** Children open at once: far below Temporal's 2,000 pending (reference/temporal.md §8). */
export const MAX_OPEN_BATCHES = 100;
/** Subagents that must have ended before a failure rate means anything. */
export const FAILURE_RATE_FROM = 10;

/** Spawned subagents over a fleet's life, and how deep they may stand below a task of the plan (workflow-scripts.md §3). */
export const DEFAULT_MAX_TOTAL_AGENTS = 1_000;
export const DEFAULT_MAX_DEPTH = 3;
/** Records of where spawned tasks stand hold so many indexes. */
export const SPAWNED_PAGE = 256;
/** Ends a script hears of in one exchange: their indexes must fit an activity's input of some kilobytes. */
export const MAX_SCRIPT_NEWS = 200;
/** Waves of a rollout. */
export const MAX_WAVES = 50;
