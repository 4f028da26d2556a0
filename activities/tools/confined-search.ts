import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import { ConfinedDirectory, judge } from './confined-directory.ts';
import { fromRipgrep } from './confirmed-files.ts';
import { HELD, MAX_OUTPUT_BYTES, type Ripgrep, search, searchHeld, type SearchOutput } from './ripgrep.ts';
import type { AllowedCall } from './tool.ts';

/** Files open at once, and arguments of one ripgrep. */
const BATCH = 500;
/** As far as ripgrep looks for a NUL before it searches a file it was not asked for by name. */
const BINARY_BYTES = 65_536;

/**
 * Whether processes of the subagent may be at work in the files. A directory that is swapped for a link while ripgrep
 * goes through them would let it search what lies outside; that something matched there would already be told.
 */
export const mayBeRaced = ({ workspace }: AllowedCall): boolean => workspace.mayWrite && process.platform === 'linux';

interface Wanted {
  flags: readonly string[];
  /** Flags that narrow the list of files. */
  names: readonly string[];
  pattern: string;
  isWanted: (path: string) => boolean;
}

interface HeldFile {
  path: string;
  fd: number;
}

/** As `search`, but what is searched was opened by us, name by name, inside the workspace; ripgrep only names files. */
export async function searchConfined(ripgrep: Ripgrep, call: AllowedCall, wanted: Wanted): Promise<SearchOutput> {
  const { path, type } = call.target;
  const listed =
    type === 'file' ? { text: path, cut: undefined } : await search(ripgrep, call, ['--files', ...wanted.names]);
  const all = listed.text.split('\0').filter((name) => name !== '');
  const paths = all.map(fromRipgrep).filter((name) => wanted.isWanted(name) && call.mayRead(name));
  const end = performance.now() + ripgrep.timeoutMs;
  let text = '';
  let { cut } = listed;
  for (let start = 0; start < Math.max(paths.length, 1) && text.length < MAX_OUTPUT_BYTES; start += BATCH) {
    const leftMs = Math.max(1, Math.ceil(end - performance.now()));
    const batch = paths.slice(start, start + BATCH);
    const output = await searchBatch({ ...ripgrep, leftMs }, call, batch, wanted);
    text += output.text;
    if (output.cut === undefined) continue;
    cut = output.cut;
    break;
  }
  return { text, cut };
}

async function searchBatch(
  ripgrep: Ripgrep,
  call: AllowedCall,
  paths: readonly string[],
  { flags, pattern }: Wanted,
): Promise<SearchOutput> {
  const files = await openFiles(call, paths);
  try {
    // Without a file it would search its input; with an empty one it still says what is wrong with the pattern.
    const descriptors = files.map(({ fd }) => fd);
    const empty = files.length === 0 ? [openSync('/dev/null', constants.O_RDONLY)] : [];
    try {
      const output = await searchHeld(ripgrep, [...descriptors, ...empty], { flags, pattern, signal: call.signal });
      const text = output.text.replace(/\/proc\/self\/fd\/(\d+)\0/g, (place) => `${nameOf(place, files)}\0`);
      return { ...output, text };
    } finally {
      empty.forEach(closeSync);
    }
  } finally {
    for (const { fd } of files) closeSync(fd);
  }
}

const nameOf = (place: string, files: readonly HeldFile[]): string =>
  files[Number(place.slice(HELD.length, -1)) - 3]?.path ?? '';

/** In the order given; those that are gone, no regular files, binary, or under a second name are left out. */
async function openFiles({ workspace }: AllowedCall, paths: readonly string[]): Promise<HeldFile[]> {
  const files: HeldFile[] = [];
  let parent: string | undefined;
  let directory: ConfinedDirectory | undefined;
  try {
    for (const path of paths) {
      const above = posix.dirname(`/${path}`).slice(1);
      if (above !== parent) {
        await directory?.[Symbol.asyncDispose]();
        directory = await ConfinedDirectory.open(workspace.root, above).catch(() => undefined);
        parent = above;
      }
      const fd = directory && openText(directory, posix.basename(path), workspace.mayWrite);
      if (fd !== undefined) files.push({ path, fd });
    }
    return files;
  } catch (error) {
    for (const { fd } of files) closeSync(fd);
    throw error;
  } finally {
    await directory?.[Symbol.asyncDispose]();
  }
}

/** Synchronous: for hundreds of small files, a fifth of the CPU. */
function openText(directory: ConfinedDirectory, name: string, isOwn: boolean): number | undefined {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  let fd: number | undefined;
  try {
    judge(name, lstatSync(directory.entry(name)), isOwn);
    fd = openSync(directory.entry(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    judge(name, fstatSync(fd), isOwn);
    if (!isBinary(fd)) return fd;
  } catch {
    // It was replaced meanwhile, is special, or may not be read: as if it were not there.
  }
  if (fd !== undefined) closeSync(fd);
  return undefined;
}

const beginning = Buffer.alloc(BINARY_BYTES);

function isBinary(fd: number): boolean {
  const length = readSync(fd, beginning, 0, BINARY_BYTES, 0);
  const nul = beginning.subarray(0, length).indexOf(0);
  // Text in UTF-16 announces itself, and ripgrep reads it.
  const mark = beginning.readUInt16LE();
  const isUtf16 = length > 1 && (mark === 0xfeff || mark === 0xfffe);
  return nul >= 0 && !isUtf16;
}
