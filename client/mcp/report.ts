import type { Approval } from '../../workflows/contract/units.ts';
import type { FleetOutcome, FleetView } from '../library/library.ts';
import { cut, type ResultRow } from './result-row.ts';
import { nextStep } from './next-step.ts';

/** What each tool answers with: a fleet as it stands, then what the tool is about, then what to do next. */
export interface FleetReport {
  id: string;
  name: string;
  status: FleetView['status'];
  reason?: FleetView['reason'];
  /** ISO 8601: when a paused fleet goes on by itself. */
  resets_at?: string;
  census: FleetView['census'];
  count: number;
  running: number;
  queued: number;
  total_cost_usd: number;
  budget_usd: number | null;
  wave?: FleetView['wave'];
  approvals?: AskedApproval[];
  /** What a script returned or its parent Claude said last. */
  result?: unknown;
  /** Of a result that is too long: it stands cut in `result`, as text. */
  result_chars?: number;
  error?: FleetOutcome['error'];
  results?: ResultRow[];
  /** Of the labels asked for. */
  not_ended?: string[];
  /** Results that this reply has no room for; `cursor` goes on behind the last one here. */
  more_results?: number;
  cursor?: string;
  notes?: string[];
  next: string;
}

/** What a person is asked, by the hash that `approve_fleet` takes. */
export interface AskedApproval {
  kind: Approval['kind'];
  title: string;
  hash: string;
  why?: string[];
  /** Of a gate: results so far and what is to be expected of the rest, in lines. */
  figures?: string;
}

export type Told = Pick<FleetReport, 'results' | 'not_ended' | 'more_results' | 'cursor' | 'notes'>;

const MAX_RESULT_CHARS = 16_000;
const MAX_NOTES = 20;
const MAX_NOTE_CHARS = 500;
const MAX_FIGURES_CHARS = 4_000;

export interface ReportParts {
  outcome?: FleetOutcome | undefined;
  approvals?: readonly AskedApproval[];
  told?: Told;
  /** In place of what follows from how the fleet stands. */
  next?: string;
}

export function fleetReport(view: FleetView, { outcome, approvals = [], told = {}, next }: ReportParts): FleetReport {
  const { id, name, status, reason, resetsAt, census, count, running, queued, wave } = view;
  const { notes = [], ...rest } = told;
  return {
    ...{ id, name, status },
    ...(reason && { reason }),
    ...(resetsAt && { resets_at: resetsAt.toISOString() }),
    ...{ census, count, running, queued },
    total_cost_usd: view.totalCostUsd,
    budget_usd: view.budgetUsd,
    ...(wave && { wave }),
    ...(approvals.length > 0 && { approvals: approvals.map(shortened) }),
    ...(outcome && outcomeOf(outcome)),
    ...rest,
    ...(notes.length > 0 && { notes: notes.slice(0, MAX_NOTES).map((note) => cut(note, MAX_NOTE_CHARS)) }),
    next: next ?? nextStep(view, told),
  };
}

function shortened({ title, why, figures, ...rest }: AskedApproval): AskedApproval {
  return {
    title: cut(title, MAX_NOTE_CHARS),
    ...rest,
    ...(why && { why: why.slice(0, MAX_NOTES).map((each) => cut(each, MAX_NOTE_CHARS)) }),
    ...(figures !== undefined && { figures: cut(figures, MAX_FIGURES_CHARS) }),
  };
}

function outcomeOf({ result, error }: FleetOutcome): Pick<FleetReport, 'result' | 'result_chars' | 'error'> {
  const shown = error && { error: { ...error, message: cut(error.message, 2_000) } };
  if (result === undefined) return { ...shown };
  const text = typeof result === 'string' ? result : JSON.stringify(result);
  if (text.length <= MAX_RESULT_CHARS) return { ...shown, result };
  return { ...shown, result: cut(text, MAX_RESULT_CHARS), result_chars: text.length };
}
