import { expect, it } from 'vitest';
import { fleetReport } from '../../../client/mcp/report.ts';
import { viewOf } from './results.ts';

const ended = viewOf({ status: 'completed', census: { completed: 10 } });

it('holds what its parent left, as data where it is data', () => {
  expect(fleetReport(ended, { outcome: { view: ended, result: { n: [1, 2] } } })).toMatchObject({
    result: { n: [1, 2] },
  });
  expect(fleetReport(ended, { outcome: { view: ended, result: 'said' } })).toMatchObject({ result: 'said' });
  expect(fleetReport(ended, { outcome: { view: ended, result: null } })).toHaveProperty('result', null);
  expect(fleetReport(ended, { outcome: { view: ended } })).not.toHaveProperty('result');
});

it('names where a script threw', () => {
  const error = { type: 'Script.Threw', message: 'no', line: 3, column: 7 };
  expect(fleetReport(ended, { outcome: { view: ended, error } })).toMatchObject({ error });
});

it('stays small whatever it is told', () => {
  const long = 'x'.repeat(100_000);
  const report = fleetReport(viewOf({ status: 'paused', reason: 'approval' }), {
    outcome: { view: ended, result: { long }, error: { type: 'T', message: long } },
    approvals: [{ kind: 'gate', title: long, hash: 'h', why: Array<string>(1_000).fill(long), figures: long }],
    told: { notes: Array<string>(1_000).fill(long) },
  });
  expect(JSON.stringify(report).length).toBeLessThan(50_000);
  expect(report).toMatchObject({ result_chars: 100_011, approvals: [{ hash: 'h' }] });
});

it('says when a paused fleet goes on by itself', () => {
  const view = viewOf({ status: 'paused', reason: 'rate_limit', resetsAt: new Date(0) });
  expect(fleetReport(view, {})).toMatchObject({ reason: 'rate_limit', resets_at: '1970-01-01T00:00:00.000Z' });
});
