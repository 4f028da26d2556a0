import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Grant } from '../../workflows/contract/task.schema.ts';
import type { Attack, Call, Field } from './attack.ts';

/** What attacks by file tools are made of. */

export const grantOf = (...allow: string[]): Grant => ({ allow, deny: [], mode: 'dontAsk' });
export const FILES = grantOf('Read', 'Edit');
export const SHELL = grantOf('Read', 'Edit', 'Bash');

export const read = (file_path: string): Call => ({ name: 'Read', input: { file_path } });
export const write = (file_path: string): Call => ({ name: 'Write', input: { file_path, content: 'written\n' } });
export const edit = (file_path: string, old_string = 'inside'): Call => ({
  name: 'Edit',
  input: { file_path, old_string, new_string: 'edited' },
});
export const glob = (pattern: string, path?: string): Call => ({
  name: 'Glob',
  input: { pattern, ...(path !== undefined && { path }) },
});
export const grep = (pattern: string, path?: string, mode = 'content'): Call => ({
  name: 'Grep',
  input: { pattern, output_mode: mode, ...(path !== undefined && { path }) },
});
export const bash = (command: string): Call => ({ name: 'Bash', input: { command } });

/** What is common to the variants of a class; each variant is a title and what the model calls. */
export interface Class extends Omit<Attack, 'title' | 'calls' | 'grant'> {
  grant?: Grant;
  tries: Readonly<Record<string, Call | readonly Call[]>>;
}

export function variants({ tries, grant = FILES, ...shared }: Class): Attack[] {
  return Object.entries(tries).map(([title, calls]) => ({
    ...shared,
    grant,
    title,
    calls: 'name' in calls ? [calls as Call] : (calls as readonly Call[]),
  }));
}

export type Prepare = (field: Field) => void;

export const put =
  (path: string, text = 'inside\n'): Prepare =>
  ({ workspace }) => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), text);
  };

export const link =
  (path: string, target: (field: Field) => string): Prepare =>
  (field) => {
    mkdirSync(dirname(join(field.workspace, path)), { recursive: true });
    symlinkSync(target(field), join(field.workspace, path));
  };

export const all =
  (...steps: Prepare[]): Prepare =>
  (field) => {
    for (const step of steps) step(field);
  };

export const beyond = ({ outside }: Field): string => outside;
export const canary = ({ outside }: Field): string => join(outside, 'canary.txt');
