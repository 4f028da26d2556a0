import type { NativeConnection, Worker } from '@temporalio/worker';
import { Gauge, type Registry } from 'prom-client';
import type { Log } from '../activities/observe/log.ts';
import { agentsQueue } from '../workflows/contract/ids.ts';
import { FLEET_STATES, PAUSE_REASONS } from '../workflows/contract/statuses.ts';
import type { WorkerConfig } from './config.ts';
import { openFleetStates } from './open-fleets.ts';

/** Temporal's visibility takes few queries a second, and there may be several orchestrators that ask. */
const ASK_AGAIN_MS = 15_000;

export interface WorkersOf {
  config: WorkerConfig;
  connection: NativeConnection;
  workers: readonly Worker[];
  log: Log;
}

/**
 * Gauges of the workers of this process, and of the fleets that an orchestrator serves. Read when somebody collects.
 */
export function watchWorkers(registry: Registry, of: WorkersOf): void {
  const { config, workers } = of;
  const to = { registers: [registry] };
  new Gauge({
    name: 'fleet_worker_activities_in_flight',
    help: 'Activities under way in this process, subagents and bookkeeping.',
    labelNames: ['task_queue'],
    ...to,
    collect() {
      for (const worker of workers)
        this.set({ task_queue: worker.options.taskQueue }, worker.getStatus().numInFlightActivities);
    },
  });
  const agents = workers.find(({ options }) => options.taskQueue.startsWith(agentsQueue('')));
  if (agents)
    new Gauge({
      name: 'fleet_permits',
      help: 'Subagents that this worker has room for: those in flight, and those that may still come.',
      labelNames: ['state'],
      ...to,
      collect() {
        const used = agents.getStatus().numInFlightActivities;
        this.set({ state: 'used' }, used);
        this.set({ state: 'free' }, Math.max(0, config.slots - used));
      },
    });
  if (config.role !== 'subagent') watchFleets(registry, of);
}

/** Every orchestrator tells the same of all open fleets: take the maximum over them, not the sum. */
function watchFleets(registry: Registry, { config, connection, log }: WorkersOf): void {
  let counts: Promise<Map<string, number>> | undefined;
  let askedAt = -Infinity;
  const count = async (): Promise<Map<string, number>> => {
    try {
      return countOf(await openFleetStates(config, connection));
    } catch (error) {
      log.warn({ err: error }, 'open fleets cannot be counted');
      return new Map();
    }
  };
  new Gauge({
    name: 'fleet_states',
    help: 'Open fleets of the namespace by state; of paused ones with the reason. The same from every orchestrator.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      if (!counts || performance.now() - askedAt >= ASK_AGAIN_MS) {
        askedAt = performance.now();
        counts = count();
      }
      const now = await counts;
      this.reset();
      for (const [state, fleets] of now) this.set({ state }, fleets);
    },
  });
}

const STATES: ReadonlySet<string> = new Set([...FLEET_STATES, ...PAUSE_REASONS.map((reason) => `paused:${reason}`)]);

/** A state that no version knows, or that cannot be read without its key, is `other`. */
function countOf(states: readonly (string | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>([
    ['running', 0],
    ...PAUSE_REASONS.map((reason): [string, number] => [`paused:${reason}`, 0]),
  ]);
  for (const state of states) {
    const label = state !== undefined && STATES.has(state) ? state : 'other';
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}
