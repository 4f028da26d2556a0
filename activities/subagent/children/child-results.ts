import type { FleetRecords } from '../../artifacts/fleet-records.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';
import type { Child } from './family.ts';
import { MOST_ANSWER_CHARS, toldResult, type ToldResult } from './told-results.ts';

/** Results read at once: a fleet of thousands takes seconds, and not all of memory. */
const AT_ONCE = 32;
/** Of all outputs of one answer, what is kept before they are cut to fit. */
const KEPT_CHARS = 4_000_000;

export interface EndedChild {
  index: number;
  capMicroUsd: number | undefined;
  /** What it cost, with all it had promised to its own: at least what its subtree cost. */
  costMicroUsd: number;
}

export interface ReadChildren {
  told: ToldResult[];
  ended: EndedChild[];
}

/** The newest results of children, in their order; no output longer than an answer may be. */
export async function readChildren(
  records: Pick<FleetRecords, 'newestResult'>,
  fleetId: string,
  children: readonly Child[],
): Promise<ReadChildren> {
  const chars = Math.min(MOST_ANSWER_CHARS, Math.max(200, Math.floor(KEPT_CHARS / Math.max(1, children.length))));
  const read: ReadChildren = { told: [], ended: [] };
  for (let from = 0; from < children.length; from += AT_ONCE) {
    const some = children.slice(from, from + AT_ONCE);
    const found = await Promise.all(some.map(({ index }) => records.newestResult(fleetId, index)));
    some.forEach(({ index, label, capMicroUsd }, i) => {
      read.told.push(toldResult(label, found[i]?.result, chars));
      if (found[i]) read.ended.push({ index, capMicroUsd, costMicroUsd: found[i].treeMicroUsd });
    });
  }
  return read;
}

/** A page of what a subagent left, with what is needed to go on. */
export function outputPage(
  { output, structured_output, raw_output, error }: Result,
  offset: number,
  limit: number,
): string {
  const structured = structured_output === undefined ? undefined : JSON.stringify(structured_output, null, 2);
  const text = structured ?? output ?? raw_output ?? error?.message ?? '';
  const total = text.length.toString();
  if (offset >= text.length) return `(No characters from ${offset.toString()}: the end of ${total}.)`;
  const wanted = Math.min(text.length, offset + limit);
  // Never half a character, and never nothing.
  const end =
    wanted < text.length && wanted > offset + 1 && /[\ud800-\udbff]/.test(text[wanted - 1]!) ? wanted - 1 : wanted;
  const next = end < text.length ? `go on with offset ${end.toString()}` : 'the end';
  return `${text.slice(offset, end)}\n\n(Characters ${offset.toString()} to ${end.toString()} of ${total}: ${next}.)`;
}
