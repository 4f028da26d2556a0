import { describe, expect, it } from 'vitest';
import { endedCode, pausedCode } from '../../../client/cli/exit-codes.ts';
import {
  emptyCensus,
  SUBAGENT_STATUSES,
  type Census,
  type FleetState,
  type PauseReason,
} from '../../../workflows/contract/statuses.ts';

const census = (more: Partial<Census>): Census => ({ ...emptyCensus(), ...more });

describe('the exit code of an ended fleet', () => {
  const table: [what: string, state: FleetState, census: Partial<Census>, notEligible: number, code: number][] = [
    ['all completed', 'completed', { completed: 5 }, 0, 0],
    ['completed or not eligible', 'completed', { completed: 5, skipped: 3 }, 3, 0],
    ['nobody eligible', 'completed', { skipped: 3 }, 3, 0],
    ['one skipped for another reason', 'completed', { completed: 5, skipped: 3 }, 2, 3],
    ['a failure the policy tolerates', 'completed', { completed: 99, failed: 1 }, 0, 3],
    ['a failed fleet', 'failed', { completed: 1, failed: 9 }, 0, 3],
    ['a failed fleet whose retry completed all', 'failed', { completed: 1 }, 0, 0],
    ['cancelled', 'cancelled', { completed: 5, not_attempted: 1 }, 0, 7],
    ['cancelled when all had completed', 'cancelled', { completed: 5 }, 0, 7],
  ];
  it.each(table)('%s', (_what, state, counts, notEligible, code) => {
    expect(endedCode({ state, census: census(counts) }, notEligible)).toBe(code);
  });

  it('is 3 where its script threw, whatever its subagents came to', () => {
    const error = { type: 'Script.Threw', message: 'no' };
    const ended = { state: 'failed', census: census({ completed: 5 }) } as const;
    expect(endedCode({ ...ended, outcome: { error } }, 0)).toBe(3);
    expect(endedCode({ ...ended, state: 'completed', outcome: { value: null } }, 0)).toBe(0);
  });

  it.each(SUBAGENT_STATUSES.filter((status) => status !== 'completed'))(
    'is 3 with one %s among many completed',
    (status) => {
      expect(endedCode({ state: 'completed', census: census({ completed: 1_000, [status]: 1 }) }, 0)).toBe(3);
    },
  );
});

describe('the exit code of a paused fleet', () => {
  const table: [reason: PauseReason, resetAtMs: number | undefined, code: number | undefined][] = [
    ['authentication', undefined, 4],
    ['budget_reached', undefined, 5],
    ['usage_limit', undefined, 5],
    ['usage_limit', 1_000, undefined],
    ['rate_limit', 1_000, undefined],
    ['rate_limit', undefined, undefined],
    ['approval', undefined, 6],
    ['disk_full', undefined, undefined],
    ['user', undefined, undefined],
  ];
  it.each(table)('%s, reset %s: %s', (reason, resetAtMs, code) => {
    expect(pausedCode({ state: 'paused', reason, ...(resetAtMs !== undefined && { resetAtMs }) })).toBe(code);
  });

  it('is none while it runs', () => {
    expect(pausedCode({ state: 'running' })).toBeUndefined();
  });
});
