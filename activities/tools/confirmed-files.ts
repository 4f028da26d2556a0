import { posix } from 'node:path';
import { ConfinedDirectory } from './confined-directory.ts';
import type { AllowedCall } from './tool.ts';

/**
 * Of files ripgrep named, those that are there when reached without following links, are regular and may be read; in
 * the order given, at most `limit`. Others are left out in silence, as denied ones must be.
 */
export async function confirmFiles(call: AllowedCall, paths: Iterable<string>, limit: number): Promise<string[]> {
  const confirmed: string[] = [];
  let open: { parent: string; directory: ConfinedDirectory | undefined } | undefined;
  try {
    for (const path of paths) {
      if (confirmed.length === limit) break;
      if (!call.mayRead(path)) continue;
      const parent = posix.dirname(`/${path}`).slice(1);
      if (open?.parent !== parent) {
        await open?.directory?.[Symbol.asyncDispose]();
        open = undefined;
        const directory = await ConfinedDirectory.open(call.workspace.root, parent).catch(() => undefined);
        open = { parent, directory };
      }
      const stats = await open?.directory?.stat(posix.basename(path)).catch(() => undefined);
      if (stats?.isFile() && !(call.workspace.mayWrite && stats.nlink > 1)) confirmed.push(path);
    }
  } finally {
    await open?.directory?.[Symbol.asyncDispose]();
  }
  return confirmed;
}

/** A path ripgrep printed, relative to the workspace. */
export const fromRipgrep = (path: string): string => path.replace(/^(?:\.\/+)+/, '');

/** `path` relative to the directory it was found in. */
export const inside = (directory: string, path: string): string =>
  directory === '' ? path : path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
