import type { TextPatch } from './rewrites.ts';

/** Input of one Edit call. */
export interface EditInput {
  file_path: string;
  old_string: string;
  new_string: string;
}

export interface PlannedEdit {
  input: EditInput;
  /** Which of the given groups of patches it carries out. */
  groups: number[];
}

export interface EditPlan {
  edits: PlannedEdit[];
  /** The file afterwards. */
  text: string;
  /** Groups for which no unique place was found. */
  left: number[];
}

/** Lines around a place that make it unique, at most. */
const MAX_CONTEXT_LINES = 8;

interface Block {
  first: number;
  last: number;
  patches: TextPatch[];
  groups: Set<number>;
}

/**
 * Edits that carry out groups of patches (one group a use) in the given order, each with whole lines that stand in the
 * file once at that moment. From the end of the file to its start, so that what lies above stays where it is.
 */
export function planEdits(path: string, text: string, groups: readonly (readonly TextPatch[])[]): EditPlan {
  const plan: EditPlan = { edits: [], text, left: [] };
  const lines = lineStarts(text);
  for (const block of blocksOf(lines, groups).reverse()) {
    const from = lines[block.first] ?? 0;
    const to = endOf(plan.text, lines, block.last, from);
    const after = patched(plan.text, from, to, block.patches);
    const input = uniqueEdit(plan.text, from, to, after);
    if (input) {
      plan.edits.push({ input: { file_path: path, ...input }, groups: [...block.groups] });
      plan.text = plan.text.slice(0, from) + after + plan.text.slice(to);
    } else plan.left.push(...block.groups);
  }
  return plan;
}

function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
}

/** Patches by the lines they touch; what shares a line, or a group, shares a block. */
function blocksOf(lines: readonly number[], groups: readonly (readonly TextPatch[])[]): Block[] {
  const lineAt = (offset: number): number => lines.findLastIndex((start) => start <= offset);
  const spans = groups.flatMap((patches, group): Block[] =>
    patches.length === 0
      ? []
      : [
          {
            first: lineAt(Math.min(...patches.map(({ start }) => start))),
            last: lineAt(Math.max(...patches.map(({ end }) => end))),
            patches: [...patches],
            groups: new Set([group]),
          },
        ],
  );
  const blocks: Block[] = [];
  for (const span of spans.sort((a, b) => a.first - b.first)) {
    const block = blocks.at(-1);
    if (!block || span.first > block.last) blocks.push(span);
    else {
      block.last = Math.max(block.last, span.last);
      block.patches.push(...span.patches);
      for (const group of span.groups) block.groups.add(group);
    }
  }
  return blocks;
}

/** Where line `last` ends, before its line feed. Lines below may have changed already, this one has not. */
function endOf(text: string, lines: readonly number[], last: number, from: number): number {
  const end = text.indexOf('\n', Math.max(from, lines[last] ?? 0));
  return end < 0 ? text.length : end;
}

function patched(text: string, from: number, to: number, patches: readonly TextPatch[]): string {
  let result = '';
  let at = from;
  for (const patch of [...patches].sort((a, b) => a.start - b.start || a.end - b.end)) {
    result += text.slice(at, patch.start) + patch.text;
    at = patch.end;
  }
  return result + text.slice(at, to);
}

function uniqueEdit(text: string, from: number, to: number, after: string): Omit<EditInput, 'file_path'> | undefined {
  let start = from;
  let end = to;
  for (let round = 0; round <= MAX_CONTEXT_LINES; round++) {
    const old = text.slice(start, end);
    if (old.trim() !== '' && text.indexOf(old) === text.lastIndexOf(old))
      return { old_string: old, new_string: text.slice(start, from) + after + text.slice(to, end) };
    const isUp = round % 2 === 0;
    if (isUp && start > 0) start = text.lastIndexOf('\n', start - 2) + 1;
    else if (end < text.length) end = endOfLine(text, end + 1);
  }
  return undefined;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
