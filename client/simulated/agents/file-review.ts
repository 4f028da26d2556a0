import type { ToolResult } from '../transcript.ts';
import { planEdits, type EditInput, type PlannedEdit } from './edits.ts';
import type { SourceFile } from './source-files.ts';
import { readSyntax } from './syntax.ts';
import { findUses, type Use } from './uses.ts';

/** One entry of the report, in the keys of the output schema. */
export interface ReportedUse {
  file: string;
  line: number;
  api: string;
  migratable: boolean;
  migrated: boolean;
  note: string;
}

export interface FileReview {
  path: string;
  uses: ReportedUse[];
  /** Edits that have not been called yet, in order. */
  pending: EditInput[];
  /** Why nothing can be said of the file. */
  unreadable: string | undefined;
}

/** What a file that was read asks for, and how far the Edits of the transcript have carried that out. */
export function reviewFile(path: string, source: SourceFile, results: readonly ToolResult[]): FileReview {
  const nothing = { path, uses: [], pending: [] };
  if (source.state !== 'read')
    return { ...nothing, unreadable: source.state === 'unreadable' ? source.why : 'it was not read to its end' };
  const syntax = readSyntax(source.text, path);
  if (!syntax) return { ...nothing, unreadable: 'it is no JavaScript that can be parsed' };
  const uses = findUses(syntax);
  const groups = uses.map(({ decision }) => decision.patches);
  const plan = planEdits(path, source.text, groups);
  if (!readSyntax(plan.text, path)) {
    const note = 'the file would not parse any more';
    return { ...nothing, uses: uses.map((use) => report(path, use, false, note)), unreadable: undefined };
  }
  const pending = plan.edits.filter(({ input }) => !answerTo(input, results)).map(({ input }) => input);
  const entries = uses.map((use, group) => {
    const edit = plan.edits.find(({ groups: mine }) => mine.includes(group));
    return report(path, use, isDone(edit, results), trouble(edit, results));
  });
  return { path, uses: entries, pending, unreadable: undefined };
}

function report(
  file: string,
  { line, api, decision }: Use,
  migrated: boolean,
  trouble: string | undefined,
): ReportedUse {
  const migratable = decision.patches.length > 0;
  return {
    file,
    line,
    api,
    migratable,
    migrated,
    note: migratable && !migrated ? (trouble ?? 'no unique place') : decision.note,
  };
}

const isDone = (edit: PlannedEdit | undefined, results: readonly ToolResult[]): boolean =>
  edit !== undefined && answerTo(edit.input, results)?.isError === false;

function trouble(edit: PlannedEdit | undefined, results: readonly ToolResult[]): string | undefined {
  const answer = edit && answerTo(edit.input, results);
  return answer?.isError ? `the edit was refused: ${answer.text.split('\n', 1)[0] ?? ''}` : undefined;
}

function answerTo(wanted: EditInput, results: readonly ToolResult[]): ToolResult | undefined {
  return results.find(({ name, input }) => {
    const { file_path, old_string, new_string } = input as Partial<EditInput>;
    const isSamePlace = file_path === wanted.file_path && old_string === wanted.old_string;
    return name === 'Edit' && isSamePlace && new_string === wanted.new_string;
  });
}
