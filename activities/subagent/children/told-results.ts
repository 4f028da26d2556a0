import { SUBAGENT_STATUSES } from '../../../workflows/contract/statuses.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';

/** What of a result a parent is told. */
export interface ToldResult {
  label: string;
  status: Result['status'] | 'running';
  output?: string | null;
  structured_output?: unknown;
  error?: { type: string; message: string };
  changes?: { files: string[]; insertions: number; deletions: number };
  verify?: { name: string; ok: boolean }[];
  total_cost_usd?: number;
  num_turns?: number;
  duration_ms?: number;
  /** How long the output is, where it is shown cut. */
  output_chars?: number;
}

/** A parent's context is not to be flooded: about 10,000 tokens. */
export const MOST_ANSWER_CHARS = 40_000;

/** A share of fewer characters tells nothing of an output; then it becomes a line. */
const LEAST_OUTPUT_CHARS = 160;
const LEAST_LINE_CHARS = 20;
const MOST_LINE_CHARS = 200;
const MOST_FILES = 10;
/** Rows that were cut in a try still may be longer than reckoned, for what JSON escapes. */
const SHRINK = 0.8;

const CUT = 'Outputs are cut. read_result {"label": …} reads one whole.';
const LINES = 'Each is cut to a line. read_result {"label": …} reads one whole.';
const BARE =
  'Too many to list: only those that did not complete. read_result {"label": …} reads any of them, collect_subagents {"labels": […]} shows some.';

/** As a parent is told of one subagent; undefined: it has not ended. `mostChars`: of its output, what may be kept. */
export function toldResult(label: string, result: Result | undefined, mostChars: number): ToldResult {
  if (!result) return { label, status: 'running' };
  const { status, output, structured_output, error, changes, verify } = result;
  const { total_cost_usd, num_turns, duration_ms } = result;
  const structured = structured_output === undefined ? undefined : JSON.stringify(structured_output);
  const length = (structured ?? output ?? '').length;
  return {
    label,
    status,
    output: output === null ? null : cut(output, mostChars),
    ...(structured !== undefined && {
      structured_output: length > mostChars ? cut(structured, mostChars) : structured_output,
    }),
    ...(error && { error: { type: error.type, message: cut(error.message, 2_000) } }),
    ...(changes && {
      changes: { files: changes.files, insertions: changes.insertions, deletions: changes.deletions },
    }),
    ...(verify && { verify: verify.map(({ name, ok }) => ({ name, ok })) }),
    ...{ total_cost_usd, num_turns, duration_ms },
    ...(length > mostChars && { output_chars: length }),
  };
}

/** The answer to a parent's call, as JSON of at most about `limit` characters: `{census, results}`, and what was left out. */
export function answerText(results: readonly ToldResult[], limit: number): string {
  const census = censusOf(results);
  const whole = JSON.stringify({ census, results });
  if (whole.length <= limit) return whole;
  const withinLimit = (
    rows: (chars: number) => unknown[],
    note: string,
    least: number,
    most: number,
  ): string | undefined => {
    const bare = JSON.stringify({ census, results: rows(0), note }).length;
    for (let chars = Math.min(most, room(results, limit - bare)); chars >= least; chars = Math.floor(chars * SHRINK)) {
      const text = JSON.stringify({ census, results: rows(chars), note });
      if (text.length <= limit) return text;
    }
    return undefined;
  };
  return (
    withinLimit((chars) => results.map((result) => cutRow(result, chars)), CUT, LEAST_OUTPUT_CHARS, limit) ??
    withinLimit((chars) => results.map((result) => lineOf(result, chars)), LINES, LEAST_LINE_CHARS, MOST_LINE_CHARS) ??
    bareText(results, census, limit)
  );
}

type Census = Record<ToldResult['status'], number>;

function censusOf(results: readonly ToldResult[]): Census {
  const census = Object.fromEntries([...SUBAGENT_STATUSES, 'running' as const].map((status) => [status, 0])) as Census;
  for (const { status } of results) census[status]++;
  return census;
}

/** The longest output that may stand when all longer ones are cut to it, and `left` characters are there for all. */
function room(results: readonly ToldResult[], left: number): number {
  const lengths = results.map((result) => said(result).length).sort((a, b) => a - b);
  let rest = left;
  for (const [i, length] of lengths.entries()) {
    const share = Math.floor(rest / (lengths.length - i));
    if (length > share) return Math.max(0, share);
    rest -= length;
  }
  return left;
}

/** What it has to say: the structured output, else the text, else the error. */
function said({ output, structured_output, error }: ToldResult): string {
  if (structured_output !== undefined)
    return typeof structured_output === 'string' ? structured_output : JSON.stringify(structured_output);
  return output ?? error?.message ?? '';
}

function cutRow(result: ToldResult, chars: number): ToldResult & { more_files?: number } {
  const { output, structured_output, error, changes, ...rest } = result;
  const text = said(result);
  const isCut = text.length > chars;
  const more = (changes?.files.length ?? 0) - MOST_FILES;
  return {
    ...rest,
    ...(structured_output !== undefined
      ? { structured_output: isCut ? cut(text, chars) : structured_output }
      : output !== undefined && { output: output === null ? null : cut(output, chars) }),
    ...(error && { error: { type: error.type, message: cut(error.message, Math.min(chars, 300)) } }),
    ...(changes && { changes: { ...changes, files: changes.files.slice(0, MOST_FILES) } }),
    ...(more > 0 && { more_files: more }),
    ...(isCut && { output_chars: result.output_chars ?? text.length }),
  };
}

function lineOf(result: ToldResult, chars: number): { label: string; status: string; line?: string } {
  const { label, status, error } = result;
  const line = cut((error?.message ?? said(result)).replace(/\s+/g, ' ').trim(), chars);
  return { label, status, ...(line !== '' && { line }) };
}

function bareText(results: readonly ToldResult[], census: Census, limit: number): string {
  const others = results.filter(({ status }) => status !== 'completed' && status !== 'running');
  const rows = others.map(({ label, status, error }) => ({ label, status, ...(error && { error: error.type }) }));
  const text = (count: number): string =>
    JSON.stringify({ census, results: rows.slice(0, count), more: results.length - count, note: BARE });
  let count = rows.length;
  while (count > 0 && text(count).length > limit) count = Math.floor(count * SHRINK);
  return text(count);
}

/** Never half a character. */
function cut(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const end = Math.max(0, chars - 1);
  return `${text.slice(0, /[\ud800-\udbff]/.test(text[end - 1] ?? '') ? end - 1 : end)}…`;
}
