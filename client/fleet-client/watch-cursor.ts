import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { FleetFailure } from './failure.ts';

/** What a watcher has been told: the letters and generations it last saw. */
export interface Seen {
  units: string;
  generations: [index: number, generation: number][];
}

/** As text that fits a URL: a hundred thousand subagents are a few kilobytes. */
export function encodeCursor({ units, generations }: Seen): string {
  return deflateRawSync(JSON.stringify([1, units, generations])).toString('base64url');
}

/** Throws `FleetFailure` `damaged` for a text that is no cursor. */
export function decodeCursor(text: string): Seen {
  try {
    const [version, units, generations] = JSON.parse(
      inflateRawSync(Buffer.from(text, 'base64url'), { maxOutputLength: 8_388_608 }).toString(),
    ) as [number, string, [number, number][]];
    if (version === 1 && typeof units === 'string' && Array.isArray(generations)) return { units, generations };
  } catch {
    // Falls through: whatever is wrong with it, it was not written by `encodeCursor`.
  }
  throw new FleetFailure('damaged', 'this is no cursor of a watch', 'watch again without a cursor');
}
