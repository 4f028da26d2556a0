import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { FleetFailure } from './failure.ts';
import { ToldEnds } from './told-ends.ts';

/** Up to where a script's journal was told: the first `line` lines of this exchange, and all before. */
export interface JournalMark {
  generation: number;
  exchange: number;
  line: number;
}

/** What a watcher has been told, between any two changes. */
export interface Position {
  readonly ended: ToldEnds;
  /** Of subagents that have started and not ended, as `index/generation`. */
  readonly started: Set<string>;
  journal: JournalMark;
  /** Of the newest event, for whoever numbers them. */
  seq: number;
  /** The state that was told last, for whoever tells states. */
  state: string;
}

/** More of those under way are left out of a cursor, which stands in every line: their starts may be told again. */
const MOST_STARTED = 200;
const MOST_BYTES = 8_388_608;

export const beginning = (): Position => ({
  ended: new ToldEnds(),
  started: new Set(),
  journal: { generation: 1, exchange: 1, line: 0 },
  ...{ seq: 0, state: '' },
});

/**
 * As text that fits a URL and a line: a few hundred characters as a rule. It grows with how unevenly subagents end, not
 * with how many there are.
 */
export function encodeCursor(fleetId: string, { ended, started, journal, seq, state }: Position): string {
  const { generation, exchange, line } = journal;
  const begun = started.size > MOST_STARTED ? [] : [...started];
  const head = [2, fleetId, seq, state, ended.generations, begun, generation, exchange, line];
  const whole = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\0`), packed(ended.bounds)]);
  return deflateRawSync(whole, { level: 1 }).toString('base64url');
}

/** Throws `FleetFailure` `bad_cursor` for a text that is no cursor, or one of another fleet. */
export function decodeCursor(fleetId: string, text: string): Position {
  const found = parsed(text);
  if (!found) throw new FleetFailure('bad_cursor', 'this is no cursor of a watch', 'watch again without a cursor');
  const { bounds, head } = found;
  const [, of, seq, state, generations, started, generation, exchange, line] = head;
  if (of !== fleetId)
    throw new FleetFailure('bad_cursor', `this cursor is of the fleet ${of}`, `muster watch ${of} --cursor …`);
  return {
    ended: new ToldEnds(bounds, generations),
    started: new Set(started),
    journal: { generation, exchange, line },
    seq,
    state,
  };
}

type Head = [
  version: number,
  fleetId: string,
  seq: number,
  state: string,
  generations: [number, number][],
  started: string[],
  generation: number,
  exchange: number,
  line: number,
];

/** Undefined for what `encodeCursor` has not written. */
function parsed(text: string): { head: Head; bounds: number[] } | undefined {
  try {
    const bytes = inflateRawSync(Buffer.from(text, 'base64url'), { maxOutputLength: MOST_BYTES });
    const at = bytes.indexOf(0);
    const head = JSON.parse(bytes.subarray(0, at).toString()) as Head;
    const [version, of, seq, state, generations, started, ...journal] = head;
    const bounds = unpacked(bytes.subarray(at + 1));
    const isSound =
      version === 2 &&
      [of, state, ...started].every((word) => typeof word === 'string') &&
      [seq, ...generations.flat(), ...journal].every((n) => Number.isSafeInteger(n) && n >= 0) &&
      journal.length === 3 &&
      bounds.length % 2 === 0;
    return isSound ? { head, bounds } : undefined;
  } catch {
    return undefined; // whatever is wrong with it, it is none of ours
  }
}

/** Bounds as differences, seven bits a byte, the lowest first. */
function packed(bounds: readonly number[]): Buffer {
  const bytes: number[] = [];
  let before = 0;
  for (const bound of bounds) {
    let rest = bound - before;
    before = bound;
    for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
    bytes.push(rest);
  }
  return Buffer.from(bytes);
}

function unpacked(bytes: Uint8Array): number[] {
  const bounds: number[] = [];
  let sum = 0;
  let step = 0;
  let shift = 0;
  for (const byte of bytes) {
    step += (byte & 127) * 2 ** shift;
    shift += 7;
    if (byte > 127) continue;
    bounds.push((sum += step));
    step = shift = 0;
  }
  return bounds;
}
