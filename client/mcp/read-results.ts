import type { Fleet } from '../library/library.ts';
import { Page } from './page.ts';
import type { Place } from './cursors.ts';

export interface ReadOptions {
  limit: number | undefined;
  /** For a first result where none is there yet. */
  waitMs: number;
  /** How many have ended by now, as far as is known. */
  ended: number;
  signal: AbortSignal;
}

/** A fleet that runs is looked at this long before it counts as having nothing to tell. */
const LOOK_MS = 1_500;
/** And this long for one more than were known to be there. */
const STRAGGLER_MS = 100;

/** Results behind `from`, in order of completion, as many as a reply holds. `isWhole`: no other will follow. */
export async function readResults(
  fleet: Pick<Fleet, 'id' | 'results'>,
  from: Place,
  { limit, waitMs, ended, signal }: ReadOptions,
): Promise<{ page: Page; to: Place; isWhole: boolean }> {
  const page = new Page(limit);
  const enough = new AbortController();
  const arrivals = fleet.results({
    ...(from.arrival !== undefined && { cursor: from.arrival }),
    signal: AbortSignal.any([signal, enough.signal]),
  });
  const reading = arrivals[Symbol.asyncIterator]();
  let isWhole = false;
  while (!page.isFull) {
    const isThere = from.read + page.rows.length < ended;
    const patienceMs = isThere ? Infinity : page.rows.length > 0 ? STRAGGLER_MS : Math.max(waitMs, LOOK_MS);
    const next = await within(reading.next(), patienceMs, enough);
    if (next?.done) isWhole = true;
    if (!next || next.done) break;
    page.add(next.value);
  }
  const to = { fleetId: fleet.id, arrival: arrivals.cursor, read: from.read + page.rows.length };
  enough.abort();
  await reading.return?.(undefined);
  return { page, to, isWhole };
}

/** What comes within the time; what comes in the very moment it is up counts, for it was delivered. */
async function within<T>(
  next: Promise<IteratorResult<T, unknown>>,
  patienceMs: number,
  enough: AbortController,
): Promise<IteratorResult<T, unknown> | undefined> {
  if (patienceMs === Infinity) return next;
  const timer = setTimeout(() => enough.abort(), patienceMs);
  try {
    return await next;
  } catch (error) {
    if (enough.signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
