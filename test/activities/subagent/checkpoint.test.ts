import { expect, it } from 'vitest';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { Checkpoint, SETTLED_ATTEMPT } from '../../../activities/subagent/checkpoint.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const OF = { fleetId: 'f', index: 7, generation: 1 };
const USAGE = {
  input_tokens: 10,
  output_tokens: 5,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};

async function world() {
  const directory = await temporaryDirectory();
  const store = await DiskStore.open(directory.path);
  const parts = { store, records: new FleetRecords(store) };
  return {
    ...parts,
    open: (epoch: number, attempt: number) => Checkpoint.open(parts, OF, { epoch, attempt }),
    directory,
  };
}

it('goes on where another attempt left: messages, turns, money', async () => {
  await using w = await disposable();
  const first = await w.open(1, 1);
  first.append({ role: 'user', content: 'go' });
  await first.intend(900);
  first.bookAnswer(40, USAGE);
  first.append({ role: 'assistant', content: [{ type: 'text', text: 'x'.repeat(40_000) }] });
  await first.save({ turns: 1, pendingMicroUsd: 0 });
  first.append({ role: 'user', content: 'more' });
  await first.save({});
  const second = await w.open(1, 2);
  expect(second.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
  expect(second.record).toMatchObject({ turns: 1, attempts: 2, costMicroUsd: 40, reworkMicroUsd: 0 });
  expect(second.record.chunks.length).toBe(1); // the long tail moved into the store
});

it('books a call whose answer nobody wrote down at its worst case, once', async () => {
  await using w = await disposable();
  await (await w.open(1, 1)).intend(900);
  const second = await w.open(1, 2);
  expect(second.record).toMatchObject({ costMicroUsd: 900, reworkMicroUsd: 900, epochSpentMicroUsd: 900 });
  const third = await w.open(1, 3);
  expect(third.record.costMicroUsd).toBe(900);
});

it('counts what a dispatch spent apart from earlier ones', async () => {
  await using w = await disposable();
  const first = await w.open(1, 1);
  first.bookAnswer(40, USAGE);
  await first.save({ turns: 1 });
  const second = await w.open(2, 1);
  expect(second.record).toMatchObject({ costMicroUsd: 40, epochSpentMicroUsd: 0 });
  second.bookAnswer(2, USAGE);
  expect(second.epochSpentMicroUsd).toBe(2);
});

it('lets a stalled attempt that wakes up write nothing', async () => {
  await using w = await disposable();
  const stalled = await w.open(1, 1);
  await stalled.intend(5);
  const next = await w.open(1, 2);
  await expect(stalled.save({ turns: 9 })).rejects.toMatchObject({ name: 'Superseded' });
  await next.save({ turns: 1 });
  await expect(w.open(1, 1)).rejects.toMatchObject({ name: 'Superseded' });
  expect((await w.open(1, 3)).record.turns).toBe(1);
});

it('is made by the first write of whoever comes first', async () => {
  await using w = await disposable();
  const [one, two] = [await w.open(1, 1), await w.open(1, 2)];
  await one.intend(5);
  await expect(two.intend(5)).rejects.toMatchObject({ name: 'Superseded' });
  expect((await w.open(1, 3)).record).toMatchObject({ attempts: 2, reworkMicroUsd: 5 });
});

it('can be settled twice, and then nobody of that dispatch goes on', async () => {
  await using w = await disposable();
  await (await w.open(1, 1)).intend(300);
  await w.open(1, SETTLED_ATTEMPT);
  const again = await w.open(1, SETTLED_ATTEMPT);
  expect(again.record).toMatchObject({ costMicroUsd: 300, epochSpentMicroUsd: 300, attempts: 1 });
  await expect(w.open(1, 2)).rejects.toMatchObject({ name: 'Superseded' });
  expect((await w.open(2, 1)).record.attempts).toBe(2);
});

async function disposable() {
  const w = await world();
  return { ...w, [Symbol.asyncDispose]: () => w.directory[Symbol.asyncDispose]() };
}
