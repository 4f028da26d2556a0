import { expect, it } from 'vitest';
import { nextStep } from '../../../client/mcp/next-step.ts';
import { resultRow } from '../../../client/mcp/result-row.ts';
import { PAUSE_REASONS } from '../../../workflows/contract/statuses.ts';
import { resultOf, viewOf } from './results.ts';

const plain = resultRow(resultOf(), 100);
const changed = resultRow(resultOf({ changes: { files: ['a'], insertions: 1, deletions: 0, patch: 'x' } }), 100);

it('sends whoever reads on to what has not been told', () => {
  expect(nextStep(viewOf({ status: 'completed' }), {})).toBe('fleet_results {id: "f"} tells its results');
  expect(nextStep(viewOf({ status: 'completed' }), { results: [plain], cursor: 'c1', more_results: 1 })).toBe(
    'fleet_results {id: "f", cursor: "c1"} tells the other 1 result',
  );
  expect(nextStep(viewOf({ status: 'cancelled' }), { results: [plain] })).toBe('nothing: the fleet has ended');
  expect(nextStep(viewOf({ status: 'failed' }), { results: [plain, changed] })).toContain('muster apply f');
});

it('says of a fleet under way how to hear of it and how to end it', () => {
  expect(nextStep(viewOf(), { cursor: 'c1' })).toMatch(
    /goes on by itself; fleet_results \{id: "f", cursor: "c1"\}.*cancel_fleet/,
  );
});

it('says of each pause who makes it go on', () => {
  const said = PAUSE_REASONS.map((reason) => nextStep(viewOf({ status: 'paused', reason }), {}));
  expect(said).toEqual([
    expect.stringContaining('muster resume f'),
    expect.stringMatching(/ask the user.*approve_fleet/),
    expect.stringContaining('muster set f --budget'),
    expect.stringContaining('goes on by itself'),
    expect.stringContaining('muster resume f'),
    expect.stringContaining('muster resume f'),
    expect.stringContaining('goes on by itself'),
  ]);
  const paused = viewOf({ status: 'paused', reason: 'usage_limit', resetsAt: new Date(1) });
  expect(nextStep(paused, {})).toContain('goes on by itself');
});
