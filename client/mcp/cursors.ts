import { randomBytes } from 'node:crypto';
import { ToolFailure } from './tool-failure.ts';

/** How far a caller has read the results of a fleet. */
export interface Place {
  fleetId: string;
  /** Of `Fleet.results`; undefined: nothing was read. */
  arrival: string | undefined;
  /** Results read so far. */
  read: number;
}

const MAX_PLACES = 1_000;
/** Those of fleets of a hundred thousand are long. */
const MAX_CHARS = 32 * 1_048_576;

/**
 * Places under names of nine characters: a model copies what it was given, and a cursor of kilobytes it copies wrong.
 * They last as long as this process; the oldest go first.
 */
export class Cursors {
  readonly #places = new Map<string, Place>();
  #chars = 0;

  keep(place: Place): string {
    const name = `c${randomBytes(4).toString('hex')}`;
    this.#places.set(name, place);
    this.#chars += sizeOf(place);
    for (const [oldest, { arrival }] of this.#places) {
      if (this.#places.size <= MAX_PLACES && this.#chars <= MAX_CHARS) break;
      this.#places.delete(oldest);
      this.#chars -= arrival?.length ?? 0;
    }
    return name;
  }

  /** Throws `ToolFailure` for a name that is not known any more, or was given for another fleet. */
  find(name: string, fleetId: string): Place {
    const place = this.#places.get(name);
    if (place?.fleetId === fleetId) return place;
    const why = place ? `is of the fleet ${place.fleetId}` : 'is not known here (any more)';
    throw new ToolFailure(
      'unknown_cursor',
      `the cursor ${name} ${why}`,
      'call without one to begin with the first result',
    );
  }
}

const sizeOf = ({ arrival }: Place): number => arrival?.length ?? 0;
