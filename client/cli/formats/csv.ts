import { guardText } from '../result-text.ts';
import { saidBy, type Format } from './report.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';

const COLUMNS: readonly [name: string, value: (result: Result) => string | number | undefined][] = [
  ['label', ({ label }) => label],
  ['status', ({ status }) => status],
  ['error_type', ({ error }) => error?.type],
  ['error_message', ({ error }) => error?.message],
  ['output', saidBy],
  ['files', ({ changes }) => changes?.files.join('\n')],
  ['insertions', ({ changes }) => changes?.insertions],
  ['deletions', ({ changes }) => changes?.deletions],
  ['verified', ({ verify }) => verify && (verify.every(({ ok }) => ok) ? 'passed' : 'failed')],
  ['guards', ({ guards }) => guards?.map(guardText).join('\n')],
  ['model', ({ model }) => model],
  ['num_turns', ({ num_turns }) => num_turns],
  ['input_tokens', ({ usage }) => usage.input_tokens],
  ['output_tokens', ({ usage }) => usage.output_tokens],
  ['total_cost_usd', ({ total_cost_usd }) => total_cost_usd],
  ['duration_ms', ({ duration_ms }) => duration_ms],
  ['attempts', ({ attempts }) => attempts],
  ['reused_from', ({ reused_from }) => reused_from],
];

/** RFC 4180 with a header row. */
export const csv: Format = function* ({ results }) {
  yield line(COLUMNS.map(([name]) => name));
  for (const result of results) yield line(COLUMNS.map(([, value]) => value(result)));
};

const line = (cells: readonly (string | number | undefined)[]): string => `${cells.map(cell).join(',')}\r\n`;

function cell(value: string | number | undefined): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
