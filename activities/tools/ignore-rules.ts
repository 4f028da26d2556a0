import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFile } from './confined-file.ts';
import type { ToolContext } from './tool.ts';

/**
 * Gives `use` a file of ignore rules for a search of `path`: those of the directories above it, written for the
 * workspace's root; undefined where there are none. ripgrep reads the rules below `path` itself, but must not look
 * above: it would go on past the workspace, up to the file system's root.
 */
export async function withIgnoreRules<T>(
  workspace: ToolContext['workspace'],
  path: string,
  use: (file: string | undefined) => Promise<T>,
): Promise<T> {
  const rules = await rulesAbove(workspace, path);
  if (rules.length === 0) return use(undefined);
  const directory = await mkdtemp(join(tmpdir(), 'muster-ignore-'));
  try {
    const file = join(directory, 'rules');
    await writeFile(file, rules.join('\n'));
    return await use(file);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function rulesAbove(workspace: ToolContext['workspace'], path: string): Promise<string[]> {
  const names = path === '' ? [] : path.split('/');
  const rules: string[] = [];
  for (const depth of names.keys()) {
    for (const file of ['.gitignore', '.ignore']) {
      const directory = names.slice(0, depth).join('/');
      const place = directory === '' ? file : `${directory}/${file}`;
      // One that is missing, special or huge holds no rules.
      const bytes = await readFile(workspace, place).catch(() => undefined);
      const lines = bytes?.toString('utf8').split(/\r?\n/) ?? [];
      rules.push(...lines.flatMap((line) => anchored(line, directory)));
    }
  }
  return rules;
}

function anchored(line: string, directory: string): string[] {
  if (line.trim() === '' || line.startsWith('#')) return [];
  const isNegated = line.startsWith('!');
  const body = isNegated ? line.slice(1) : line;
  const hasPlace = /\/./.test(body.trimEnd());
  const base = directory === '' ? '/' : `/${directory.replace(/[\\*?[\]{}!# ]/g, '\\$&')}/`;
  return [`${isNegated ? '!' : ''}${base}${hasPlace ? body.replace(/^\//, '') : `**/${body}`}`];
}
