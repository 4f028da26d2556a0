import { describe, expect, it } from 'vitest';
import { resolveLabels } from '../../../client/fleet-client/labels.ts';
import { newFleetId } from '../../../activities/artifacts/fleet-id.ts';

async function* tasksOf(...labels: string[]): AsyncGenerator<{ label: string }> {
  for (const label of labels) yield { label };
}

describe('labels', () => {
  it('become indexes in the order asked, each once', async () => {
    expect(await resolveLabels('f', ['c', 'a', 'c'], tasksOf('a', 'b', 'c'))).toEqual([2, 0]);
  });

  it('are looked for no further than the last one asked', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<{ label: string }> {
      for (;;) yield { label: `s${read++}` };
    }
    expect(await resolveLabels('f', ['s3', 's1'], endless())).toEqual([3, 1]);
    expect(read).toBe(4);
  });

  it('that nobody has are named, all of them, with the nearest known one', async () => {
    await expect(resolveLabels('f', ['lib-aa', 'zzzzzz'], tasksOf('lib-a', 'lib-b'))).rejects.toThrow(
      expect.objectContaining({
        code: 'unknown_label',
        message: 'the fleet f has no subagent "lib-aa" (did you mean "lib-a"?), "zzzzzz"',
      }),
    );
  });
});

describe('fleet ids', () => {
  it('are eight readable characters that no shell takes for a number', () => {
    const ids = Array.from({ length: 1_000 }, newFleetId);
    for (const id of ids) expect(id).toMatch(/^[a-hjkmnp-tv-z][0-9a-hjkmnp-tv-z]{7}$/);
    expect(new Set(ids).size).toBe(1_000);
  });
});
