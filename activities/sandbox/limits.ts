const MIB = 2 ** 20;
const GIB = 2 ** 30;

/**
 * What one sandbox may use. Where the worker may make control groups, memory, processes and CPU are bounded for the
 * sandbox as a whole; resource limits bound each of its processes everywhere.
 */
export interface SandboxLimits {
  /** Of all its processes together, files in /tmp and /dev/shm included. */
  memoryBytes: number;
  /** Of one process: what it may write to of its own (RLIMIT_DATA). Mere reservations, as engines make them, are free. */
  processMemoryBytes: number;
  /** Processes and threads; processes alone where a worker is root and may make no control group. */
  processes: number;
  /** Its share of a busy processor, beside 100 of the worker and of each other sandbox's default. */
  cpuWeight: number;
  /** Of one file. */
  fileBytes: number;
  /** Size of /tmp; /dev/shm has a quarter of it. It is memory. */
  temporaryBytes: number;
  /** What it may add to the disk in all. */
  diskBytes: number;
  /** When less than this is free on the disk, the sandbox that added most is ended, whatever its own share. */
  diskReserveBytes: number;
  /** What one command may print before it is ended. */
  outputBytes: number;
  /** How much of that is kept, half of it from the beginning and half from the end. */
  keptOutputBytes: number;
}

/**
 * Memory and disk: a free runner of GitHub Actions has 4 GB a core and 14 GB (docs.github.com/actions/reference, read
 * 2026-11-24), and runs a whole build; a subagent shares its host with fifty others. Processes: Kubernetes advises 1,024
 * a pod (kubernetes.io/docs/concepts/policy/pid-limiting, read 2026-11-24); Node starts eleven threads a process.
 * Output: Claude Code shows a model 30,000 characters of it.
 */
export const DEFAULT_LIMITS: Readonly<SandboxLimits> = Object.freeze({
  memoryBytes: 4 * GIB,
  processMemoryBytes: 4 * GIB,
  processes: 512,
  cpuWeight: 50,
  fileBytes: GIB,
  temporaryBytes: 512 * MIB,
  diskBytes: 4 * GIB,
  diskReserveBytes: GIB,
  outputBytes: 64 * MIB,
  keptOutputBytes: MIB,
});

/** Throws a RangeError that names the limit nobody can keep. */
export function sandboxLimits(given: Partial<SandboxLimits> = {}): SandboxLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`the sandbox limit ${name} is ${String(value)}: write a whole number of at least 1`);
  }
  return limits;
}
