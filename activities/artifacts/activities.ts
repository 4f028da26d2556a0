import { ApplicationFailure } from '@temporalio/activity';
import type { FleetActivities } from '../../workflows/contract/activities.ts';
import { FAILURES } from '../../workflows/contract/failures.ts';
import { encodeGraph } from '../../workflows/contract/graph.ts';
import { recordKeys } from '../../workflows/contract/ids.ts';
import type { FleetRecords } from './fleet-records.ts';
import { registerFleet } from './register-fleet.ts';
import type { ArtifactStore } from './store.ts';

type Bookkeeping = Pick<FleetActivities, 'loadGraph' | 'loadWaves' | 'probeStore' | 'registerFleet' | 'closeFleet'>;

/** Code of the character of wave 0, which there is not. */
const WAVE_ZERO = 48;

/** Short bookkeeping of a fleet over the store. */
export function createBookkeeping(store: ArtifactStore, records: FleetRecords): Bookkeeping {
  return {
    async loadGraph({ manifest }) {
      const { count } = await records.manifest(manifest);
      const prerequisites: number[][] = [];
      for await (const { dependsOn } of records.tasks(manifest, 0, count)) prerequisites.push(dependsOn);
      return encodeGraph(prerequisites);
    },

    async loadWaves({ manifest }) {
      const { count } = await records.manifest(manifest);
      let waves = '';
      for await (const { wave = 1 } of records.tasks(manifest, 0, count))
        waves += String.fromCharCode(WAVE_ZERO + wave);
      return waves;
    },

    async probeStore() {
      try {
        await store.probe();
      } catch (error) {
        throw ApplicationFailure.create({
          type: 'Artifact.StoreFull',
          message: error instanceof Error ? error.message : String(error),
          category: 'BENIGN',
        });
      }
    },

    async registerFleet(request) {
      try {
        return await registerFleet({ store, records }, request);
      } catch (error) {
        if (!(error instanceof Error) || !/^Artifact(Missing|Damaged)$/.test(error.name)) throw error;
        throw ApplicationFailure.nonRetryable(error.message, FAILURES.artifactDamaged);
      }
    },

    async closeFleet(summary) {
      const key = recordKeys.summary(summary.fleetId);
      const before = await store.readRecord(key);
      await store.writeRecord(key, summary, before?.version ?? 0);
    },
  };
}
