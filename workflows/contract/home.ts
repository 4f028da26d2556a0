/**
 * What lies where below `MUSTER_HOME`. Spelled once: the client writes these, the worker reads some of them. `run/`
 * holds one file per daemon, named after it, with its pid and what it serves.
 */
export const HOME = {
  /** Layout version, written at creation; a newer one is refused. */
  version: 'version.json',
  database: 'temporal.db',
  artifacts: 'artifacts',
  workspaces: 'workspaces',
  /** What was hashed of directories fleets were given. */
  snapshots: 'workspaces/snapshots',
  logs: 'logs',
  run: 'run',
  serverFile: 'run/server.json',
  simulatedFile: 'run/simulated.json',
  workerFile: (fingerprint: string) => `run/worker-${fingerprint}.json`,
} as const;

/** One daemon: enough to find it, to tell it from another process that took its pid, and to know whether it fits. */
export interface DaemonFile {
  pid: number;
  /** Start time of the process in clock ticks since boot (`/proc/<pid>/stat`, field 22), where the system tells. */
  startTicks: string | null;
  /** Version of muster that started it. */
  version: string;
  /** Where it listens, `host:port`; null for a worker. */
  address: string | null;
  /** Brought up by hand: it stays until `muster down`. */
  isKept?: boolean;
}
