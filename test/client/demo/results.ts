import type { Result } from '../../../workflows/contract/task.schema.ts';
import { SUBAGENT_STATUSES, type Census } from '../../../workflows/contract/statuses.ts';
import type { ReportedUse } from '../../../client/demo/fleet-file.ts';
import type { FinishedFleet } from '../../../client/demo/fleet-run.ts';
import type { Outcome } from '../../../client/demo/outcomes.ts';

const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };

export const use = (more: Partial<ReportedUse> = {}): ReportedUse => ({
  file: 'a.js',
  line: 1,
  api: 'String.prototype.substr',
  migratable: true,
  migrated: true,
  note: 'slice takes the same start',
  ...more,
});

export const result = (label: string, more: Partial<Result> = {}): Result => ({
  ...{ label, status: 'completed', output: null, model: 'claude-sonnet-5-5', num_turns: 3, usage },
  ...{ total_cost_usd: 0.25, rework_cost_usd: 0, duration_ms: 1_000, attempts: 1, permission_denials: [] },
  ended_at_ms: 1,
  ...more,
});

export const outcome = (label: string, more: Partial<Outcome> = {}): Outcome => ({
  ...{ label, source: `${label} 1.0.0`, status: 'completed', costUsd: 0.25 },
  answer: { uses: [use()], summary: '1 uses, 1 can be migrated, 1 are.' },
  verification: { files: [{ path: 'a.js', ok: true }] },
  sandboxed: { ok: true, parsed: 1, tests: 2, broken: [] },
  ...more,
});

export function fleet(results: Result[], more: Partial<FinishedFleet> = {}): FinishedFleet {
  const census = Object.fromEntries(
    SUBAGENT_STATUSES.map((status) => [status, results.filter((one) => one.status === status).length]),
  ) as Census;
  const cost = results.reduce((sum, { total_cost_usd }) => sum + total_cost_usd, 0);
  return {
    ...{ id: 'abc123', name: 'deprecated-node-apis', status: 'completed', census, usage, total_cost_usd: cost },
    ...{ duration_ms: 9_000, results },
    ...more,
  };
}
