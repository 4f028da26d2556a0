import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBookkeeping } from '../../../activities/artifacts/activities.ts';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { fleetIdFrom } from '../../../activities/artifacts/fleet-id.ts';
import { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { registerFleet } from '../../../activities/artifacts/register-fleet.ts';
import { snapshotDirectory } from '../../../activities/workspace/snapshot.ts';
import { saveDraft } from '../../../client/fleet-client/submit.ts';
import { FAILURES } from '../../../workflows/contract/failures.ts';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import type { RegisterRequest } from '../../../workflows/contract/messages.ts';
import { FleetDirectory } from '../../client/spec/fleet-directory.ts';

const TASKS = `
name: nightly
maxBudgetUsd: 6
tasks:
  - { label: a, prompt: same, workingDirectory: lib }
  - { label: b, prompt: same, workingDirectory: lib, dependsOn: [a] }
`;

let directory: FleetDirectory;
let store: DiskStore;
let records: FleetRecords;
beforeEach(async () => {
  directory = new FleetDirectory({ 'lib/a.txt': 'a', 'other/b.txt': 'b' });
  store = await DiskStore.open(join(directory.path, '.artifacts'));
  records = new FleetRecords(store);
});
afterEach(() => directory[Symbol.dispose]());

/** What a schedule of this file starts its fleets from. `refused`: targets that are not eligible. */
async function request(text: string, refused: readonly string[] = []): Promise<RegisterRequest> {
  const plan = await directory.load(text);
  for (const task of plan.tasks) task.isEligible = !refused.includes(task.label);
  const cacheDirectory = join(directory.path, '.cache');
  const { ref } = await saveDraft(
    plan,
    { store, records },
    {
      snapshot: (path) => snapshotDirectory(path, { store, cacheDirectory }),
      placement: async () => ({ agentsQueue: 'q', endpoint: 'simulated', isSimulated: true, reuse: 'never' }),
    },
  );
  return { v: 1, schedule: 'nightly', draft: ref, firing: 'run-1' };
}

const fleets = () => Array.fromAsync(records.fleets());

describe('registerFleet', () => {
  it('writes an ordinary fleet down, with tasks and files as they were when the draft was made', async () => {
    const asked = await request(TASKS);
    directory.write('lib/a.txt', 'changed since');
    const input = await registerFleet({ store, records }, asked);
    const [fleet] = await fleets();
    expect(fleet).toMatchObject({
      ...{ id: input.fleetId, name: 'nightly', generation: 1, count: 2, simulated: true, agentsQueue: 'q' },
      schedule: { name: 'nightly', firing: 'run-1' },
    });
    expect(Date.now() - fleet!.createdAtMs).toBeLessThan(60_000);
    expect(input).toMatchObject({ manifest: fleet!.manifest, hasGraph: true, generation: 1, agentsQueue: 'q' });
    expect(input.carry).toBeUndefined();
    expect(await records.manifest(input.manifest)).toMatchObject({ fleetId: input.fleetId, reuse: 'never', count: 2 });
    const bundle = (await records.task(input.manifest, 1)).workspace.bundle!;
    expect(Buffer.from(await store.get(bundle)).length).toBeGreaterThan(100);
  });

  it('is the same fleet however often one firing asks, and at once; another firing makes another', async () => {
    const asked = await request(TASKS);
    const all = await Promise.all(Array.from({ length: 10 }, () => registerFleet({ store, records }, asked)));
    expect(new Set(all.map(({ fleetId }) => fleetId)).size).toBe(1);
    expect(await registerFleet({ store, records: new FleetRecords(store) }, asked)).toEqual(all[0]);
    const other = await registerFleet({ store, records }, { ...asked, firing: 'run-2' });
    expect(other.fleetId).not.toBe(all[0]!.fleetId);
    expect(await fleets()).toHaveLength(2);
  });

  it('takes another id where its own is that of another fleet, and leaves that one alone', async () => {
    const asked = await request(TASKS, []);
    const theirs = { ...(await registerFleet({ store, records }, { ...asked, firing: 'run-0' })) };
    const record = (await records.fleet(theirs.fleetId))!;
    const taken = fleetIdFrom('run-1', 0);
    await store.writeRecord(recordKeys.fleet(taken), { ...record, id: taken }, 0);
    const input = await registerFleet({ store, records }, asked);
    expect(input.fleetId).toBe(fleetIdFrom('run-1', 1));
    expect((await records.fleet(taken))!.schedule!.firing).toBe('run-0');
  });

  it('commits the end of those that are not eligible for each fleet, and starts the others', async () => {
    const text = 'targets: ["*/"]\ntask: { prompt: Look. }\n';
    const asked = await request(text, ['other']);
    const input = await registerFleet({ store, records }, asked);
    expect(input.carry).toMatchObject({ units: 'qK' });
    const ended = (await records.subagent(input.fleetId, 1, 1))!.record.result!;
    expect(ended).toMatchObject({ label: 'other', status: 'skipped', error: { type: FAILURES.notEligible } });
    expect(await records.subagent(input.fleetId, 0, 1)).toBeUndefined();
  });

  it('keeps what a draft names from being collected for as long as its schedule has a record', async () => {
    const asked = await request(TASKS);
    const kept = recordKeys.scheduleDraft('nightly', asked.draft);
    await store.writeRecord(kept, { v: 1, draft: asked.draft }, 0);
    await store.collect(0);
    const { manifest } = await registerFleet({ store, records }, asked);
    const { bundle } = (await records.task(manifest, 0)).workspace;
    expect(await store.has(bundle!)).toBe(true);
    await store.deleteRecords(recordKeys.schedule('nightly'));
    await store.deleteRecords(recordKeys.fleets);
    await store.collect(0);
    expect(await store.has(asked.draft)).toBe(false);
    expect(await store.has(bundle!)).toBe(false);
  });

  it('says for good that a draft is gone or damaged, and leaves every other trouble to a retry', async () => {
    const { registerFleet: activity } = createBookkeeping(store, records);
    const asked = await request(TASKS);
    const damaged = await store.put(Buffer.from('{"v":1}'));
    for (const draft of [`sha256:${'0'.repeat(64)}`, damaged]) {
      const failure = await activity({ ...asked, draft }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ApplicationFailure);
      expect(failure).toMatchObject({ nonRetryable: true, type: FAILURES.artifactDamaged });
    }
    const full = Object.assign(Object.create(store) as DiskStore, {
      get: () => Promise.reject(new Error('EIO')),
    });
    await expect(createBookkeeping(full, records).registerFleet(asked)).rejects.not.toBeInstanceOf(ApplicationFailure);
    expect(await fleets()).toEqual([]);
  });
});
