import type { FleetRecords } from '../activities/artifacts/fleet-records.ts';
import type { ArtifactStore } from '../activities/artifacts/store.ts';
import { costMicroUsd, findModel } from '../activities/claude/prices.ts';
import type { Log } from '../activities/observe/log.ts';
import { createRedactor } from '../activities/observe/redaction.ts';
import { createSandboxes } from '../activities/sandbox/sandboxes.ts';
import { createScriptActivities } from '../activities/script/activities.ts';
import type { ScriptActivities } from '../workflows/contract/activities.ts';
import type { WorkerConfig } from './config.ts';
import { openSpawning } from './spawning-parts.ts';

export interface ScriptPartsOptions extends Pick<WorkerConfig, 'sandbox' | 'sandboxReadOnlyPaths' | 'secrets'> {
  store: ArtifactStore;
  records: FleetRecords;
  log: Log;
}

/** All that scripts run with in this process; needs no Claude. `close` ends their interpreters. */
export function openScriptParts(options: ScriptPartsOptions): {
  activities: ScriptActivities;
  close(): Promise<void>;
} {
  const { store, records, log, secrets, sandbox, sandboxReadOnlyPaths } = options;
  const sandboxes = createSandboxes({ isolation: sandbox, readOnlyPaths: sandboxReadOnlyPaths, log });
  const { runScript, close } = createScriptActivities({
    ...{ store, records, log },
    spawning: openSpawning({ store, records }),
    launch: (program) => sandboxes.confine(program),
    outputMicroUsd: priceOfOutput,
    redact: createRedactor(secrets),
  });
  return {
    activities: { runScript },
    async close() {
      await close();
      await sandboxes.close();
    },
  };
}

function priceOfOutput(model: string): number | undefined {
  if (!findModel(model)) return undefined;
  const none = { input_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  return costMicroUsd(model, { ...none, output_tokens: 1_000_000 });
}
