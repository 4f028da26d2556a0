import type { FleetReport } from '../../../../client/cli/formats/report.ts';
import { noUsage } from '../../../../client/cli/fleet-object.ts';
import { emptyCensus, type SubagentStatus } from '../../../../workflows/contract/statuses.ts';
import type { Result } from '../../../../workflows/contract/task.schema.ts';

export function result(label: string, status: SubagentStatus, more: Partial<Result> = {}): Result {
  const spent = { usage: noUsage(), total_cost_usd: 0.25, rework_cost_usd: 0, duration_ms: 1_500 };
  const counts = { num_turns: 2, attempts: 1, permission_denials: [], ended_at_ms: 1 };
  return { label, status, output: null, model: 'claude-sonnet-5-5', ...spent, ...counts, ...more };
}

export const NASTY = 'a "quoted", <b>tag</b> & | pipe\nsecond line \u0000\u001b[31m \ud800 ]]>';

/** One of each status, with texts that no format may take for its own. */
export function someReport(more: Result[] = []): FleetReport {
  const results = [
    result('fine', 'completed', { output: NASTY }),
    result('broken', 'failed', { error: { type: 'Claude.Refused', message: NASTY } }),
    result('slow', 'timed_out', { error: { type: 'Subagent.TimedOut', message: 'too long' }, partial: true }),
    result('poor', 'budget_reached'),
    result('ended', 'stopped', { error: { type: 'Subagent.Stopped', message: 'stopped by a person' } }),
    result('left <out>', 'skipped', { error: { type: 'Target.NotEligible', message: 'no' } }),
    result('never', 'not_attempted'),
    ...more,
  ];
  const census = emptyCensus();
  for (const { status } of results) census[status]++;
  const money = { usage: noUsage(), total_cost_usd: 1.75, duration_ms: 61_000 };
  return { fleet: { id: 'k3v9x2ab', name: 'nasty & "name"', status: 'completed', census, ...money }, results };
}
