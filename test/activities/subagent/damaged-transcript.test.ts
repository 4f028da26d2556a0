import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { settleSubagents } from '../../../activities/subagent/settle-subagents.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';

/** A subagent that waits, with a transcript so long that part of it lies in a blob; and that blob's file. */
async function parkedWithBlob(bench: SubagentBench) {
  const prompt = `[[simulate turns=3 fault=authentication at=2 times=1]] ${'long '.repeat(9_000)}`;
  const fleet = await bench.fleet([{ prompt }]);
  expect(await fleet.run()).toMatchObject({ kind: 'parked' });
  const fleetId = 'fleet-1';
  const { record } = (await bench.parts.records.subagent(fleetId, 0, 1))!;
  const [, hex] = record.chunks[0]!.split(':');
  return { fleet, fleetId, file: join(bench.directory, 'artifacts/blobs', hex!.slice(0, 2), hex!.slice(2)) };
}

it.each([
  ['cut short', (file: string) => truncate(file, 1_000)],
  ['gone', (file: string) => rm(file)],
])(
  'a subagent whose transcript is %s fails as damaged, with its money kept, instead of running for ever',
  async (_, harm) => {
    await using bench = await SubagentBench.start();
    const { fleet, file } = await parkedWithBlob(bench);
    await harm(file);
    const { answered } = bench.claude.stats();
    expect(await fleet.run(0, { epoch: 2 })).toMatchObject({ kind: 'ended', status: 'failed' });
    const result = await fleet.result();
    expect(result).toMatchObject({ error: { type: 'Artifact.Damaged' }, num_turns: 1, partial: true });
    expect(result.total_cost_usd).toBeGreaterThan(0);
    expect(bench.claude.stats().answered).toBe(answered);
  },
);

it('can be stopped all the same', async () => {
  await using bench = await SubagentBench.start();
  const { fleetId, fleet, file } = await parkedWithBlob(bench);
  await truncate(file, 0);
  const { parts } = bench;
  const changesOf = () => Promise.reject(new Error('it has no patch'));
  const manifest = fleet.manifest;
  const end = { status: 'stopped', type: 'Subagent.Stopped', message: 'stopped' } as const;
  const units = [{ index: 0, generation: 1, epoch: 9 }];
  expect(await settleSubagents({ ...parts, changesOf }, { fleetId, manifest, units, end })).toEqual([
    { kind: 'ended', status: 'stopped', spentMicroUsd: 0 },
  ]);
});
