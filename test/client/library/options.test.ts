import { describe, expect, it } from 'vitest';
import type { FleetSource, StartOptions } from '../../../client/library/library.ts';
import { Muster } from '../../../client/library/muster.ts';
import { checkStart } from '../../../client/library/options.ts';

const TASKS = { tasks: [{ prompt: 'x' }] };
const check = (source: object, options: object = {}): void =>
  checkStart(source as FleetSource, options as StartOptions);

describe('what a program hands over', () => {
  it('is taken as it is where it is right', () => {
    const signal = new AbortController().signal;
    const options = { concurrency: 3, budgetUsd: 0.5, reuse: 'never', signal, onTalk: () => undefined, maxDepth: 2 };
    expect(() => check(TASKS, options)).not.toThrow();
    expect(() => check({ script: 'review.js', args: [1] })).not.toThrow();
    expect(() => check({ prompt: 'go', allow: ['Read(**)'] })).not.toThrow();
  });

  it.each([
    [TASKS, { budgetUSD: 1 }, 'options: there is no budgetUSD; write budgetUsd'],
    [TASKS, { budgetUsd: 0 }, /options: budgetUsd /],
    [TASKS, { concurrency: 10_001 }, /options: concurrency /],
    [TASKS, { reuse: 'sometimes' }, /options: reuse must be 'auto'/],
    [{ file: 'a.yaml', prompt: 'b' }, {}, /source: file and prompt is given/],
    [{}, {}, /source: nothing is given/],
    [{ promt: 'b' }, {}, /source: nothing is given/],
    [{ prompt: 'b', lable: 'c' }, {}, 'source: there is no lable; write label'],
    [{ file: 3 }, {}, /source: file must be a text/],
  ])('is refused in words: %j %j', (source, options, message) => {
    expect(() => check(source, options)).toThrow(message);
  });

  it('is told all its faults at once', () => {
    expect(() => check({ file: 3 }, { budgetUSD: 1, timeoutMs: -1 })).toThrow(
      expect.objectContaining({ name: 'InvalidFleet', faults: expect.objectContaining({ length: 3 }) as unknown }),
    );
  });

  it('may not be taken for the real Claude by a slip', async () => {
    await expect(Muster.open({ simulated: true } as object)).rejects.toThrow('there is no simulated; write simulate');
  });
});
