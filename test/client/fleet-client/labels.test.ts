import { describe, expect, it } from 'vitest';
import { resolveLabels } from '../../../client/fleet-client/labels.ts';
import { newFleetId } from '../../../client/fleet-client/fleet-id.ts';

describe('labels', () => {
  it('become manifest indexes in the order asked, each once', () => {
    expect(resolveLabels('f', ['c', 'a', 'c'], ['a', 'b', 'c'])).toEqual([2, 0]);
  });

  it('that nobody has are named, all of them, with the nearest known one', () => {
    expect(() => resolveLabels('f', ['lib-aa', 'zzzzzz'], ['lib-a', 'lib-b'])).toThrow(
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
