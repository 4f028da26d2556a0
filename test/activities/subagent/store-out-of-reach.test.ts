import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openStore } from '../../../activities/artifacts/open-store.ts';
import type { ArtifactStore } from '../../../activities/artifacts/store.ts';
import { runSubagent } from '../../../activities/subagent/run-subagent.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

/** The bench's store, with a fault in the place of one write of a record. */
function failingAt(write: number, fault: unknown): ArtifactStore {
  let writes = 0;
  return new Proxy(bench.parts.store, {
    get: (store, name: keyof ArtifactStore) => {
      if (name === 'writeRecord' && ++writes === write) return () => Promise.reject(fault as Error);
      return (store[name] as (...of: unknown[]) => unknown).bind(store);
    },
  });
}

/** What a store whose server does not answer throws: the error itself, not one that looks like it. */
async function unanswered(): Promise<unknown> {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'any');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'any');
  try {
    return await openStore('s3://bucket/store?endpoint=http://127.0.0.1:1&region=eu-central-1').catch(
      (error: unknown) => error,
    );
  } finally {
    vi.unstubAllEnvs();
  }
}

function attemptOf(fleet: { fleetId: string; manifest: string }, index: number, attempt: number, store: ArtifactStore) {
  const { fleetId, manifest } = fleet;
  const unit = { v: 1 as const, fleetId, manifest, index, generation: 1, epoch: 1, sliceMicroUsd: null };
  const back = new AbortController().signal;
  return runSubagent({ ...bench.parts, store }, { unit, attempt, back, onCheckpoint: () => undefined });
}

it('an attempt that finds the disk full hands back what those before it have spent', async () => {
  const fleet = await bench.fleet([{ prompt: '[[simulate turns=3]] z' }]);
  await expect(attemptOf(fleet, 0, 1, failingAt(4, new Error('a fault of ours')))).rejects.toThrow('a fault of ours');
  const full = Object.assign(new Error('no space'), { name: 'StoreFull' });
  const outcome = await attemptOf(fleet, 0, 2, failingAt(1, full));
  const { record } = (await bench.parts.records.subagent(fleet.fleetId, 0, 1))!;
  expect(outcome).toEqual({
    kind: 'parked',
    reason: { for: 'limit', pause: 'disk_full' },
    spentMicroUsd: record.epochSpentMicroUsd,
  });
  expect(record.epochSpentMicroUsd).toBeGreaterThan(0);
});

it('a store that is out of reach ends no subagent, however often it was tried; any other fault of ours does', async () => {
  const nobody = await unanswered();
  expect(nobody).toMatchObject({ name: 'StoreUnavailable', message: expect.stringContaining('ECONNREFUSED') });
  const fleet = await bench.fleet([{ prompt: '[[simulate turns=3]] x' }, { prompt: '[[simulate turns=3]] y' }]);
  const at = (index: number, fault: unknown) => attemptOf(fleet, index, 9, failingAt(3, fault));
  await expect(at(0, nobody)).rejects.toBe(nobody);
  expect(await fleet.run(0, { attempt: 10 })).toMatchObject({ kind: 'ended', status: 'completed' });
  expect(await at(1, new Error('a fault of ours'))).toMatchObject({ kind: 'ended', status: 'failed' });
});
