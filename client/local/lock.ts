import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

interface Holder extends ProcessIdentity {
  /** One taking of the lock. */
  nonce: string;
}

/** Where hard links are missing a lock is created before it is filled; it may stay unreadable for this long. */
const FILLING_MS = 5_000;
const POLL_MS = 20;

/**
 * Runs `work` while this process alone holds the lock file `path`; its directory must exist. The lock of a dead process
 * is broken; a living one is waited for without bound, after `onWait` was told its pid once. Not re-entrant.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  onWait: (pid: number) => void = () => undefined,
): Promise<T> {
  const release = await acquire(path, onWait);
  try {
    return await work();
  } finally {
    release();
  }
}

async function acquire(path: string, onWait: (pid: number) => void): Promise<() => void> {
  const me: Holder = { ...identify(process.pid)!, nonce: randomUUID() };
  for (let isFirst = true; ; isFirst = false) {
    if (create(path, me)) return () => rmSync(path, { force: true });
    const holder = read(path);
    if (holder === 'gone') continue;
    if (holder !== 'filling' && !isAlive(holder)) {
      await breakStale(path, holder);
      continue;
    }
    if (isFirst && holder !== 'filling') onWait(holder.pid);
    await delay(POLL_MS);
  }
}

/**
 * Two may find the same lock stale, and the slower must not remove what the quicker has taken since: only the holder of
 * a second lock, named after the dead taking, may remove it, and looks again first.
 */
async function breakStale(path: string, dead: Holder): Promise<void> {
  await withLock(`${path}.${dead.nonce}`, () => {
    const holder = read(path);
    if (typeof holder === 'object' && holder.nonce === dead.nonce) rmSync(path, { force: true });
    return Promise.resolve();
  });
}

/** False when someone holds it. A link appears whole, so no reader sees half a lock. */
function create(path: string, holder: Holder): boolean {
  const draft = `${path}.${holder.nonce}.draft`;
  const text = JSON.stringify(holder);
  try {
    writeFileSync(draft, text);
    linkSync(draft, path);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code)) throw error;
    return createWithoutLinks(path, text);
  } finally {
    rmSync(draft, { force: true });
  }
}

function createWithoutLinks(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(path: string): Holder | 'gone' | 'filling' {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder> | null;
    if (holder?.pid && holder.nonce)
      return { pid: holder.pid, startTicks: holder.startTicks ?? null, nonce: holder.nonce };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    if (!(error instanceof SyntaxError)) throw error;
  }
  const info = statSync(path, { throwIfNoEntry: false });
  if (!info) return 'gone';
  // Unreadable for long: its writer died, or the machine did. No process has pid 0.
  return Date.now() - info.mtimeMs < FILLING_MS ? 'filling' : { pid: 0, startTicks: '', nonce: 'unreadable' };
}
