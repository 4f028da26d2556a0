import { availableParallelism, totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** What a worker may use of its host or container. */
export interface Resources {
  memoryBytes: number;
  /** Largest heap of the process. */
  heapBytes: number;
  cores: number;
}

const MIB = 1_048_576;
/** A worker of role `all` at rest: 440 MiB (measured 2026-11-26). */
const BASE_BYTES = 512 * MIB;
/**
 * In the heap, with a whole context window of text: 2 MiB for 300 kB of it, half a MiB for a short task (measured
 * 2026-11-26, 200 and 400 in flight).
 */
const HEAP_BYTES = 4 * MIB;
/** With its share of the programs that its tools run beside the worker. Whose tests want more sets MUSTER_WORKER_SLOTS. */
const SUBAGENT_BYTES = 8 * MIB;
/** At 3 ms of CPU a turn (reference/temporal.md §2) and turns of three seconds: half a core. */
const PER_CORE = 500;
const MOST = 1_000;

/** What this process may use: of a container's limits (cgroup v1 and v2) where there are some. */
export function resources(): Resources {
  const limit = process.constrainedMemory();
  const memoryBytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return { memoryBytes, heapBytes: getHeapStatistics().heap_size_limit, cores: availableParallelism() };
}

/** Subagents in flight in one process when nobody says how many; at least one. */
export function defaultSlots({ memoryBytes, heapBytes, cores }: Resources): number {
  const slots = [(memoryBytes - BASE_BYTES) / SUBAGENT_BYTES, heapBytes / HEAP_BYTES, cores * PER_CORE, MOST];
  return Math.max(1, Math.floor(Math.min(...slots)));
}
