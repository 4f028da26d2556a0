import { recordKeys } from '../../workflows/contract/ids.ts';
import { SpawnAnswer, SpawnRequest } from '../../workflows/contract/spawn.schema.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { TaskLore } from './task-lore.ts';
import { resolveTasks } from './resolve.ts';
import type { Spawning } from './spawning.ts';
import { taskInputSchema } from './task-input.ts';

export interface SpawningParts extends TaskLore {
  store: ArtifactStore;
  records: Pick<FleetRecords, 'saveTasks'>;
}

/** Safe to use from several subagents at once: it remembers nothing. */
export function createSpawning(parts: SpawningParts): Spawning {
  const { store, records } = parts;
  return {
    taskSchema: taskInputSchema,

    resolve: (tasks, parent) => resolveTasks(parts, tasks, parent),

    async ask(tasks, waits) {
      const request: SpawnRequest = {
        v: 1,
        pages: await records.saveTasks(tasks),
        count: tasks.length,
        maxTimeoutMs: tasks.reduce((most, { timeoutMs }) => Math.max(most, timeoutMs), 0),
        waits: waits.map(({ need, own, earlier }) => ({ need, ...(own && { own }), earlier: [...earlier] })),
      };
      return store.put(Buffer.from(JSON.stringify(SpawnRequest.parse(request))));
    },

    async answer(of) {
      const found = await store.readRecord(recordKeys.spawnAnswer(of));
      return found && SpawnAnswer.parse(found.value);
    },
  };
}
