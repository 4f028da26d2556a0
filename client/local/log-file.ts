import {
  closeSync,
  existsSync,
  openSync,
  readSync,
  fstatSync,
  renameSync,
  statSync,
  truncateSync,
  copyFileSync,
} from 'node:fs';

/** A log is kept below twice this: itself and the one before it, `.1`. */
const LOG_LIMIT_BYTES = 8 * 1024 * 1024;

/** Opens for appending, after setting aside one that is full. The descriptor is the caller's to close. */
export function openLog(path: string, limit = LOG_LIMIT_BYTES): number {
  if (sizeOf(path) > limit) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

/**
 * Empties a full log under its writer, keeping a copy; what is written during the copy is lost. Its writer appends, so
 * it goes on at the new end. One `stat` when there is nothing to do.
 */
export function boundLog(path: string, limit = LOG_LIMIT_BYTES): void {
  if (sizeOf(path) <= limit) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}

export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** What was written from byte `from` on, at most the last 64 KiB of it; '' when there is no file. */
export function readLog(path: string, from = 0): string {
  if (!existsSync(path)) return '';
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    // A file shorter than `from` was emptied in between: all of it is new.
    const start = Math.max(from > size ? 0 : from, size - 65_536);
    const bytes = Buffer.alloc(size - start);
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, start));
  } finally {
    closeSync(file);
  }
}

/** The last lines, indented, for an error message; says so when there are none. */
export function lastLines(text: string, count = 8): string {
  const lines = text.split('\n').filter((line) => line.trim());
  return lines.length === 0
    ? '  (its log is empty)'
    : lines
        .slice(-count)
        .map((line) => `  ${line}`)
        .join('\n');
}
