import type { FleetActivities } from '../../workflows/contract/activities.ts';
import { encodeGraph } from '../../workflows/contract/graph.ts';
import { recordKeys } from '../../workflows/contract/ids.ts';
import { DEFAULT_MAX_TOTAL_AGENTS } from '../../workflows/contract/limits.ts';
import { SpawnRequest, type SpawnAnswer } from '../../workflows/contract/spawn.schema.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import type { Admission, AdmitRequest, ArtifactRef, SpawnOf, Wait } from '../../workflows/contract/units.ts';
import { withIndexes } from '../../workflows/policy/index-ranges.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { isWritten, writeSpawned } from './spawned-pages.ts';

export interface SpawnActivitiesParts {
  store: ArtifactStore;
  records: Pick<FleetRecords, 'fleet' | 'pageTasks'>;
}

/** What the root has done for parents: it decides whether and where, this writes it down. */
export function createSpawnActivities(parts: SpawnActivitiesParts): Pick<FleetActivities, 'admitSpawn'> {
  return { admitSpawn: (input) => admit(parts, input) };
}

async function admit({ store, records }: SpawnActivitiesParts, input: AdmitRequest): Promise<Admission> {
  const { fleetId, spawner, generation, seq, from, room } = input;
  const of: SpawnOf = { fleetId, spawner, generation, seq };
  const fleet = await records.fleet(fleetId);
  if (!fleet) throw new Error(`the fleet ${fleetId} is not in the store`);
  const refuse = async (message: string): Promise<Admission> => {
    await answer(store, of, { kind: 'refused', room, message });
    return { kind: 'refused' };
  };
  const asked = await read({ store, records }, input.request);
  if (typeof asked === 'string') return refuse(asked);
  const { request, tasks, entries } = asked;
  if (request.count > Math.max(0, room))
    return refuse(refusal(request.count, room, fleet.limits.maxTotalAgents ?? DEFAULT_MAX_TOTAL_AGENTS));
  await writeSpawned(
    store,
    fleetId,
    from - fleet.count,
    entries.map(([ref, offset]) => [ref, offset, from]),
  );
  // Last, and only then: whoever finds the answer finds the tasks.
  await answer(store, of, { kind: 'admitted', from, count: request.count });
  return {
    kind: 'admitted',
    count: request.count,
    graph: graphOf(tasks, from),
    maxTimeoutMs: request.count === 0 ? 0 : request.maxTimeoutMs,
    waits: request.waits.map((wait) => waitOf(wait, from)),
  };
}

interface Asked {
  request: SpawnRequest;
  tasks: Task[];
  /** Page and offset of each. */
  entries: [ArtifactRef, number][];
}

/** A request with its tasks; why it cannot be read, where no retry would mend that: a parent must not wait for ever. */
async function read({ store, records }: SpawnActivitiesParts, ref: ArtifactRef): Promise<Asked | string> {
  try {
    const request = SpawnRequest.parse(JSON.parse(Buffer.from(await store.get(ref)).toString()));
    const pages = await Promise.all(request.pages.map((page) => records.pageTasks(page.ref)));
    const entries = request.pages.flatMap((page, i) =>
      pages[i]!.map((_, offset): [ArtifactRef, number] => [page.ref, offset]),
    );
    if (entries.length === request.count) return { request, tasks: pages.flat(), entries };
    return `Nothing was spawned: ${ref} holds ${entries.length.toString()} tasks, not ${request.count.toString()}.`;
  } catch (error) {
    const isLost =
      error instanceof Error && ['ArtifactMissing', 'ArtifactDamaged', 'ZodError', 'SyntaxError'].includes(error.name);
    if (!isLost) throw error;
    return `Nothing was spawned: the request is not readable any more (${error.message}). Ask again.`;
  }
}

/** The root has the last word: an answer of an earlier attempt, which it never heard of, is replaced. */
async function answer(store: ArtifactStore, of: SpawnOf, value: SpawnAnswer): Promise<void> {
  const key = recordKeys.spawnAnswer(of);
  for (;;) {
    const found = await store.readRecord(key);
    if (JSON.stringify(found?.value) === JSON.stringify(value)) return;
    if (await isWritten(store, key, value, found?.version ?? 0)) return;
  }
}

function refusal(count: number, room: number, limit: number): string {
  const asked = count === 1 ? 'one more does' : `${count.toString()} more do`;
  const left = room <= 0 ? 'none is left' : `${room.toString()} ${room === 1 ? 'is' : 'are'} left`;
  return `This fleet may spawn ${limit.toString()} subagents in all and ${left}, so ${asked} not fit (--max-agents). Nothing was spawned.`;
}

function graphOf(tasks: readonly Task[], from: number): string | null {
  const graph = tasks.map(({ dependsOn }) => dependsOn.map((offset) => from + offset));
  return graph.some(({ length }) => length > 0) ? encodeGraph(graph) : null;
}

function waitOf({ need, own, earlier }: SpawnRequest['waits'][number], from: number): Wait {
  return {
    need,
    of: [...(own ? [[from + own[0], own[1]] satisfies Wait['of'][number]] : []), ...withIndexes([], earlier)],
  };
}
