import { relative, sep } from 'node:path';
import type { Workspace } from '../workspace/workspace.ts';
import type { WorkspaceFiles } from './parts.ts';

const FILE = 'CLAUDE.md';
const MOST_CHARS = 256 * 1_024;

/**
 * The project's CLAUDE.md files, from the workspace's root down to the working directory, the nearest last. undefined: there
 * is none. A link that leaves the workspace is no file; what does not fit 256 KiB is cut, and that is said.
 */
export async function projectMemory(
  files: WorkspaceFiles,
  workspace: Pick<Workspace, 'root' | 'directory' | 'mayWrite'>,
): Promise<string | undefined> {
  const names = relative(workspace.root, workspace.directory).split(sep).filter(Boolean);
  const paths = [[], ...names.map((_, i) => names.slice(0, i + 1))].map((above) => [...above, FILE].join('/'));
  const texts = await Promise.all(paths.map((path) => files.read(workspace, path)));
  const parts = texts.flatMap((text, i) => (text?.trim() ? [`${paths[i]!}:\n${text.trim()}`] : []));
  if (parts.length === 0) return undefined;
  const memory = parts.join('\n\n');
  return memory.length <= MOST_CHARS
    ? memory
    : `${memory.slice(0, MOST_CHARS)}\n(Cut here: it is longer than 256 KiB.)`;
}
