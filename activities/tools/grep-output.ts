import { confirmFiles, fromRipgrep } from './confirmed-files.ts';
import { withFile } from './confined-file.ts';
import { count, cutText } from './text.ts';
import type { AllowedCall } from './tool.ts';

const MAX_FILES = 1_000;
const MAX_LINES = 500;
const MAX_LINE_CHARS = 500;
/** Enough for the characters shown, of at most four bytes each. */
const LINE_BYTES = MAX_LINE_CHARS * 4;

export interface Shown {
  lines: string[];
  cut?: string;
}

type Wanted = (path: string) => boolean;

export async function showFiles(call: AllowedCall, text: string, isWanted: Wanted): Promise<Shown> {
  const paths = text
    .split('\0')
    .filter((path) => path !== '')
    .map(fromRipgrep);
  return limited(await confirmFiles(call, paths.filter(isWanted), MAX_FILES + 1), call.show);
}

export async function showCounts(call: AllowedCall, text: string, isWanted: Wanted): Promise<Shown> {
  const counts = new Map<string, string>();
  for (const [, path = '', number = ''] of text.matchAll(/([^\0]+)\0(\d+)\n/g)) counts.set(fromRipgrep(path), number);
  const paths = await confirmFiles(call, [...counts.keys()].filter(isWanted), MAX_FILES + 1);
  return limited(paths, (path) => `${call.show(path)}:${counts.get(path)}`);
}

function limited(paths: string[], show: (path: string) => string): Shown {
  const lines = paths.slice(0, MAX_FILES).map(show);
  return paths.length > MAX_FILES ? { lines, cut: `these are the first ${count(MAX_FILES, 'file')}` } : { lines };
}

/**
 * ripgrep says where; what stands there is read again through the workspace's own door, so that no line of a file
 * outside can be shown, however links are moved meanwhile.
 */
export async function showLines(call: AllowedCall, text: string, isWanted: Wanted): Promise<Shown> {
  const lines: string[] = [];
  for (const [path, matches] of matchesByFile(text)) {
    if (!isWanted(path) || !call.mayRead(path)) continue;
    call.signal.throwIfAborted();
    const wanted = matches.slice(0, MAX_LINES + 1 - lines.length);
    // A file that is gone, replaced or special by now has nothing to show.
    const read = await withFile(call.workspace, path, async (file) => {
      const texts = [];
      for (const match of wanted) {
        const line = await lineAt(file, match.offset);
        if (line !== undefined) texts.push(`${call.show(path)}:${match.line}:${line}`);
      }
      return texts;
    }).catch(() => []);
    lines.push(...read);
    if (lines.length > MAX_LINES) return { lines: lines.slice(0, MAX_LINES), cut: `first ${count(MAX_LINES, 'line')}` };
  }
  return { lines };
}

interface Match {
  line: number;
  offset: number;
}

function matchesByFile(text: string): Map<string, Match[]> {
  const files = new Map<string, Match[]>();
  for (const [, path = '', line = '', offset = ''] of text.matchAll(/([^\0\n]+)\0(\d+):(\d+):[^\n]*\n/g)) {
    const file = fromRipgrep(path);
    const matches = files.get(file) ?? [];
    if (matches.push({ line: Number(line), offset: Number(offset) }) === 1) files.set(file, matches);
  }
  return files;
}

/** The line that starts at `offset`, without its end; undefined when none starts there any more. */
async function lineAt(
  file: { read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> },
  offset: number,
): Promise<string | undefined> {
  const before = offset === 0 ? 0 : 1;
  const buffer = Buffer.alloc(before + LINE_BYTES);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, offset - before);
  const bytes = buffer.subarray(0, bytesRead);
  if (bytesRead <= before || (before === 1 && bytes[0] !== 0x0a)) return undefined;
  const end = bytes.indexOf(0x0a, before);
  const text = new TextDecoder().decode(bytes.subarray(before, end < 0 ? bytesRead : end));
  return cutText(text.replace(/\r$/, ''), MAX_LINE_CHARS, () => '… [line cut]');
}
