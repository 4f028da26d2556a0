import { readFile } from 'node:fs/promises';
import { createBookkeeping } from '../activities/artifacts/activities.ts';
import { FleetRecords } from '../activities/artifacts/fleet-records.ts';
import { openStore } from '../activities/artifacts/open-store.ts';
import * as prices from '../activities/claude/prices.ts';
import type { Log } from '../activities/observe/log.ts';
import { NO_METRICS } from '../activities/observe/metrics.ts';
import { createRedactor } from '../activities/observe/redaction.ts';
import { NO_TRACES, type Watchers } from '../activities/observe/traces.ts';
import { watchedStore } from '../activities/observe/watched-store.ts';
import { createRolloutActivities } from '../activities/rollout/activities.ts';
import { createSpawnActivities } from '../activities/spawn/activities.ts';
import { createSubagentActivities } from '../activities/subagent/activities.ts';
import { settleSubagents } from '../activities/subagent/settle-subagents.ts';
import { patchChanges } from '../activities/workspace/patch.ts';
import type { FleetActivities, ScriptActivities, SubagentActivities } from '../workflows/contract/activities.ts';
import type { WorkerConfig } from './config.ts';
import { openScriptParts } from './script-parts.ts';
import { openSubagentParts } from './subagent-parts.ts';

/** Everything a worker process serves, wired from its rooms. Siblings meet here and in its `*-parts.ts` only. */
export interface Composition {
  fleet: FleetActivities;
  scripts: ScriptActivities;
  /** Absent without a Claude credential. */
  subagents: SubagentActivities | undefined;
  /** Ends what it has started: once, when no subagent is under way any more. */
  close(): Promise<void>;
}

/** Opens the store, clears what dead workers left, wires the rooms. `draining` aborts when the process is to end. */
export async function compose(
  config: WorkerConfig,
  log: Log,
  draining: AbortSignal,
  watchers: Watchers = { metrics: NO_METRICS, traces: NO_TRACES },
): Promise<Composition> {
  const { metrics } = watchers;
  if (config.prices) prices.loadPrices(JSON.parse(await readFile(config.prices, 'utf8')));
  const opened = await openStore(config.artifacts);
  const store = metrics === NO_METRICS ? opened : watchedStore(opened, metrics);
  const records = new FleetRecords(store);
  const settling = {
    store,
    records,
    changesOf: (patch: string) => patchChanges(store, patch),
    redact: createRedactor(config.secrets),
    metrics,
  };
  const fleet: FleetActivities = {
    ...createBookkeeping(store, records),
    ...createSpawnActivities({ store, records }),
    ...createRolloutActivities({ store, records }),
    settleSubagents: (request) => settleSubagents(settling, request),
  };
  const scripts = openScriptParts({ ...config, store, records, log });
  const always = { fleet, scripts: scripts.activities };
  if (!config.claude) return { ...always, subagents: undefined, close: () => scripts.close() };
  const parts = await openSubagentParts({ ...config, claude: config.claude, store, records, log, watchers });
  await parts.workspaces.sweep();
  return {
    ...always,
    subagents: createSubagentActivities(parts, draining),
    close: async () => void (await Promise.all([parts.close(), scripts.close()])),
  };
}
