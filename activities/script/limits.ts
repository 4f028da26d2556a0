const MIB = 2 ** 20;

/** Niceness of an interpreter, and of one that has used a fifth of its fuel: it stands back behind other scripts too. */
export const NICENESS = 5;
export const NICENESS_AT_WORK = 19;
export const FUEL_BEFORE_WORK = 0.2;

/** What one script may use, and its interpreters of this worker. */
export interface ScriptLimits {
  /** Of one exchange, each about 10,000 steps: some seconds of computing. Counted, so that all runs end alike. */
  fuelTicks: number;
  /** Wall clock of one exchange; an interpreter that is at it for longer is ended. */
  exchangeMs: number;
  /** So long it may take where it was given less than half of a processor meanwhile. */
  starvedMs: number;
  /** Of starting an interpreter. */
  startMs: number;
  /** Interpreters kept alive between exchanges, and for how long without one. */
  kept: number;
  keptMs: number;
}

export const DEFAULT_SCRIPT_LIMITS: Readonly<ScriptLimits> = Object.freeze({
  fuelTicks: 2_000,
  exchangeMs: 10_000,
  starvedMs: 60_000,
  startMs: 30_000,
  kept: 16,
  keptMs: 5 * 60_000,
});

/** Of the engine (reference/script-sandbox.md). */
export const ENGINE_MEMORY_BYTES = 64 * MIB;
export const ENGINE_STACK_BYTES = 256 * 1024;

/** Of one exchange: what a script says, a line of it, and what it asks for. */
export const MAX_PROGRESS_LINES = 1_000;
export const MAX_PROGRESS_CHARS = 2_000;
export const MAX_CALLS = 100_000;
export const MAX_CALL_CHARS = 64 * MIB;
/** Of what a script returns, as JSON. */
export const MAX_VALUE_CHARS = 16 * MIB;
/** Of an error's message. */
export const MAX_MESSAGE_CHARS = 4_000;

/** Of the child process as a whole, beyond what the engine may have: Node, results on their way in, calls on their way out. */
export const PROCESS_MEMORY_BYTES = 1024 * MIB;
export const NODE_HEAP_MIB = 512;
/** Processor time of one child over its life: one that lost its worker in the middle of a loop ends as well. */
export const PROCESS_CPU_S = 300;
