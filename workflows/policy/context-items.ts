import type { Task } from '../contract/task.schema.ts';
import { isRecord } from './key-names.ts';

/** A named text of the first user message. */
export type ContextItem = Task['context'][number];

/** One thing of what a task gives as context; `at`: its position where a list was given. */
export interface ContextEntry {
  value: unknown;
  at?: number;
}

/** A list of texts and objects is several things; any other list is one, as JSON. */
export function contextEntries(context: unknown): ContextEntry[] {
  if (context === undefined || context === null) return [];
  const isMany = Array.isArray(context) && context.some((entry) => typeof entry === 'string' || isRecord(entry));
  return isMany ? context.map((value: unknown, at) => ({ value, at })) : [{ value: context }];
}

/** `{file}` and `{files}`; undefined for everything else. */
export function contextFiles(value: unknown): { key: 'file' | 'files'; paths: string[] } | undefined {
  if (!isRecord(value) || Object.keys(value).length !== 1) return undefined;
  const { file, files } = value;
  if (typeof file === 'string') return { key: 'file', paths: [file] };
  if (Array.isArray(files) && files.every((path) => typeof path === 'string')) return { key: 'files', paths: files };
  return undefined;
}

/** The item of a text, a `{name, text}` or any JSON; `before` items stand before it. */
export function contextItem(value: unknown, before: number): ContextItem {
  const name = before === 0 ? 'context' : `context ${(before + 1).toString()}`;
  if (typeof value === 'string') return { name, text: value };
  if (isNamedText(value)) return { name: value.name, text: value.text };
  return { name, text: JSON.stringify(value, null, 2) };
}

function isNamedText(value: unknown): value is ContextItem {
  return (
    isRecord(value) &&
    Object.keys(value).length === 2 &&
    typeof value['name'] === 'string' &&
    typeof value['text'] === 'string'
  );
}
