import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rgPath } from '@vscode/ripgrep';
import { createBookkeeping } from '../activities/artifacts/activities.ts';
import { DiskStore } from '../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../activities/artifacts/fleet-records.ts';
import { createClaude } from '../activities/claude/client.ts';
import * as prices from '../activities/claude/prices.ts';
import type { Log } from '../activities/observe/log.ts';
import { createSubagentActivities } from '../activities/subagent/activities.ts';
import { settleSubagents } from '../activities/subagent/settle-subagents.ts';
import { createToolDispatcher } from '../activities/tools/dispatcher.ts';
import { structuredOutputDefinition, validateOutput } from '../activities/tools/structured-output.ts';
import { patchChanges } from '../activities/workspace/patch.ts';
import { createWorkspaces } from '../activities/workspace/workspaces.ts';
import type { FleetActivities, SubagentActivities } from '../workflows/contract/activities.ts';
import { HOME } from '../workflows/contract/home.ts';
import type { WorkerConfig } from './config.ts';

/** Everything a worker process serves, wired from its rooms. The only place where siblings meet. */
export interface Composition {
  fleet: FleetActivities;
  /** Absent without a Claude credential. */
  subagents: SubagentActivities | undefined;
}

/** Opens the store, clears what dead workers left, wires the rooms. `draining` aborts when the process is to end. */
export async function compose(config: WorkerConfig, log: Log, draining: AbortSignal): Promise<Composition> {
  if (config.prices) prices.loadPrices(JSON.parse(await readFile(config.prices, 'utf8')));
  const store = await DiskStore.open(config.artifactsDirectory);
  const records = new FleetRecords(store);
  const fleet: FleetActivities = {
    ...createBookkeeping(store, records),
    settleSubagents: (request) =>
      settleSubagents({ store, records, changesOf: (patch) => patchChanges(store, patch) }, request),
  };
  if (!config.claude) return { fleet, subagents: undefined };
  const workspaces = createWorkspaces({ directory: join(config.home, HOME.workspaces), store });
  await workspaces.sweep();
  const parts = {
    store,
    records,
    claude: createClaude({ ...config.claude, log }),
    prices,
    tools: createToolDispatcher({ ripgrep: rgPath, log }),
    structuredOutput: { definition: structuredOutputDefinition, validate: validateOutput },
    workspaces,
    log,
  };
  return { fleet, subagents: createSubagentActivities(parts, draining) };
}
