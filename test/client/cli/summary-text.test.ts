import { describe, expect, it } from 'vitest';
import { paintFor } from '../../../client/cli/paint.ts';
import { summaryText } from '../../../client/cli/summary-text.ts';
import { Tally } from '../../../client/cli/tally.ts';
import type { FleetStatus } from '../../../workflows/contract/messages.ts';
import { emptyCensus } from '../../../workflows/contract/statuses.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';
import { result } from './formats/some-report.ts';

const options = { isSimulated: false, paint: paintFor('never', false) };
const status: FleetStatus = {
  v: 1,
  ...{ id: 'k3v9x2ab', name: 'checks', state: 'completed', generation: 1, count: 3, concurrency: 3 },
  census: { ...emptyCensus(), completed: 2, failed: 1 },
  ...{ waiting: 0, queued: 0, running: 0, parked: 0 },
  ...{ spentMicroUsd: 1_000, budgetMicroUsd: null, startedAtMs: 0, endedAtMs: 1_000 },
};

function summary(results: readonly Result[]): string {
  const tally = new Tally();
  for (const [index, one] of results.entries())
    tally.add({ kind: 'ended', index, label: one.label, generation: 1, result: one });
  return summaryText(status, tally, options);
}

const verified = (...oks: boolean[]): Partial<Result> => ({
  verify: oks.map((ok, i) => ({ name: `check ${i}`, ok, exit_code: ok ? 0 : 1, duration_ms: 1 })),
});

describe('the summary of a fleet', () => {
  it('names how many verifications failed, and whose changes to look at', () => {
    const guards = [{ guard: 'tests_skipped' as const, file: 'a.test.js', detail: 'new: it.skip(' }];
    const text = summary([
      result('a', 'completed', verified(true, true)),
      result('b', 'completed', { ...verified(true), guards }),
      result('c', 'failed', { ...verified(true, false), error: { type: 'Verify.Failed', message: 'check 1' } }),
    ]);
    expect(text).toContain('\n  verified 3: 1 failed\n');
    expect(text).toContain('\n  to look at: changes of 1 subagent (muster results)\n');
  });

  it('says so when none failed, and nothing where there was nothing to verify', () => {
    expect(summary([result('a', 'completed', verified(true))])).toContain('\n  verified 1: none failed\n');
    expect(summary([result('a', 'completed')])).not.toMatch(/verified|look at/);
  });

  it('says what is asked, how to answer, and what a parent left', () => {
    const paused: FleetStatus = { ...status, state: 'paused', reason: 'approval', wave: { open: 1, of: 2 } };
    const approvals = [{ kind: 'gate' as const, title: 'wave 2 of 2', hash: 'x' }];
    const asks = summaryText({ ...paused, approvals }, new Tally(), options);
    expect(asks).toContain('paused (approval), wave 1 of 2');
    expect(asks).toContain('\n  asks: wave 2 of 2\n');
    expect(asks).toContain('\nmuster approve k3v9x2ab   or muster reject k3v9x2ab\n');
    expect(asks).not.toContain('muster resume');
    const ended = summaryText(status, new Tally(), { ...options, left: { result: 'all is well' } });
    expect(ended).toMatch(/\n\nall is well\n\nmuster results/);
  });
});
