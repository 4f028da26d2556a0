import type { Result } from '../../workflows/contract/task.schema.ts';

/** One subagent's result as a tool shows it: what a model decides by, with its output up to a length. */
export interface ResultRow {
  label: string;
  parent?: string;
  status: Result['status'];
  /** Text; cut where `output_chars` says how long it is. */
  output?: string;
  structured_output?: unknown;
  output_chars?: number;
  error?: { type: string; message: string };
  partial?: true;
  changes?: { files: string[]; more_files?: number; insertions: number; deletions: number };
  verify?: { name: string; ok: boolean; tail?: string }[];
  permission_denials?: number;
  total_cost_usd: number;
  duration_ms: number;
  num_turns: number;
  model: string;
  reused_from?: string;
  simulated?: true;
}

const MAX_FILES = 20;
const MAX_PATH_CHARS = 200;
const MAX_ERROR_CHARS = 1_000;
const MAX_TAIL_CHARS = 500;
const MAX_TAILS = 3;

/** What it left, as text: that is what a cut counts in, and what is read on from an offset. */
export function outputText({ output, structured_output, raw_output }: Result): string {
  if (structured_output !== undefined) return JSON.stringify(structured_output);
  return output ?? raw_output ?? '';
}

/** `offset`: where its output begins. */
export function resultRow(result: Result, maxChars: number, offset = 0): ResultRow {
  const { label, parent, status, error, partial, changes, verify, permission_denials: denials } = result;
  return {
    label,
    ...(parent !== undefined && { parent }),
    status,
    ...outputOf(result, maxChars, offset),
    ...(error && { error: { type: error.type, message: cut(error.message, MAX_ERROR_CHARS) } }),
    ...(partial && { partial: true }),
    ...(changes && { changes: changesOf(changes) }),
    ...(verify && { verify: verifiedOf(verify) }),
    ...(denials.length > 0 && { permission_denials: denials.length }),
    total_cost_usd: result.total_cost_usd,
    duration_ms: result.duration_ms,
    num_turns: result.num_turns,
    model: result.model,
    ...(result.reused_from !== undefined && { reused_from: result.reused_from }),
    ...(result.simulated && { simulated: true }),
  };
}

type Output = Pick<ResultRow, 'output' | 'structured_output' | 'output_chars'>;

function outputOf(result: Result, maxChars: number, offset: number): Output {
  const text = outputText(result);
  if (offset === 0 && text.length <= maxChars) {
    if (result.structured_output !== undefined) return { structured_output: result.structured_output };
    return text === '' ? {} : { output: text };
  }
  return { output: piece(text, offset, maxChars), output_chars: text.length };
}

function changesOf({
  files,
  insertions,
  deletions,
}: NonNullable<Result['changes']>): NonNullable<ResultRow['changes']> {
  const more = files.length - MAX_FILES;
  const shown = files.slice(0, MAX_FILES).map((file) => cut(file, MAX_PATH_CHARS));
  return { files: shown, ...(more > 0 && { more_files: more }), insertions, deletions };
}

/** With the end of what the first few that failed printed. */
function verifiedOf(verify: NonNullable<Result['verify']>): NonNullable<ResultRow['verify']> {
  let tails = 0;
  return verify.map(({ name, ok, tail }) => {
    const isShown = !ok && tail !== undefined && tails++ < MAX_TAILS;
    return { name, ok, ...(isShown && { tail: tail.slice(-MAX_TAIL_CHARS).toWellFormed() }) };
  });
}

/** At most so many characters, with a mark where something was left out. */
export function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${piece(text, 0, maxChars)} …`;
}

/** At most so many characters from an offset on; one that is two UTF-16 units stays whole, so that pieces join again. */
function piece(text: string, offset: number, maxChars: number): string {
  const end = offset + maxChars;
  const isSplit = end < text.length && /[\ud800-\udbff]/.test(text[end - 1] ?? '');
  return text.slice(offset, isSplit ? end - 1 : end).toWellFormed();
}
