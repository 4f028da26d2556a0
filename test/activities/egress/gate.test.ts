import { expect, test } from 'vitest';
import { Gate } from '../../../activities/egress/gate.ts';

const never = new AbortController().signal;

test('a gate lets through its width, and the next in order as one ends', async () => {
  const gate = new Gate(2);
  const tasks = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const begun: number[] = [];
  const all = tasks.map(({ promise }, i) =>
    gate.run(never, () => {
      begun.push(i);
      return promise;
    }),
  );
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  tasks[1]!.resolve();
  await all[1];
  await expect.poll(() => begun).toEqual([0, 1, 2]);
  for (const { resolve } of tasks) resolve();
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3]);
});

test('one that waits may leave the line, and a failed task makes room', async () => {
  const gate = new Gate(1);
  const first = Promise.withResolvers<void>();
  const leave = new AbortController();
  const running = gate.run(never, () => first.promise);
  const left = gate.run(leave.signal, () => Promise.resolve('ran'));
  const next = gate.run(never, () => Promise.resolve('next'));
  leave.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  first.reject(new Error('failed'));
  await expect(running).rejects.toThrow('failed');
  expect(await next).toBe('next');
});
