import { LeastFirst, type Ranked } from './least-first.ts';

/** One who waits; knows its neighbours, so that it can leave from anywhere. */
export interface Place<Item> {
  readonly item: Item;
  readonly line: Line<Item>;
  previous: Place<Item> | undefined;
  next: Place<Item> | undefined;
  isWaiting: boolean;
}

/** Those of one fleet, first come first served. `key`: what the fleet has taken, in the queue's virtual time. */
interface Line<Item> extends Ranked {
  readonly fleetId: string;
  first: Place<Item> | undefined;
  last: Place<Item> | undefined;
}

const SWEEP_FLEETS = 256;

/**
 * Serves fleets in turn, by what their calls take and not by how many wait: next is the fleet that has taken least. A fleet
 * that comes back from a pause has saved up nothing. Every operation costs O(log fleets) at most, whoever waits.
 */
export class FleetQueue<Item> {
  readonly #lines = new Map<string, Line<Item>>();
  readonly #waiting = new LeastFirst<Line<Item>>();
  /** What the fleet last served had taken by then: newcomers start here. */
  #time = 0;
  /** The most any fleet has ever taken. */
  #most = 0;
  #size = 0;
  #sweepAt = SWEEP_FLEETS;

  get size(): number {
    return this.#size;
  }

  /** Fleets that wait, or whose account still matters. */
  get knownFleets(): number {
    return this.#lines.size;
  }

  add(fleetId: string, item: Item): Place<Item> {
    const line = this.#line(fleetId);
    const place: Place<Item> = { item, line, previous: line.last, next: undefined, isWaiting: true };
    if (line.last === undefined) line.first = place;
    else line.last.next = place;
    line.last = place;
    this.#size += 1;
    if (line.rank === -1) {
      line.key = Math.max(line.key, this.#time);
      this.#waiting.place(line);
    }
    return place;
  }

  /** Does nothing for one who has left or was served. */
  remove(place: Place<Item>): void {
    if (!place.isWaiting) return;
    const { line, previous, next } = place;
    place.isWaiting = false;
    if (previous === undefined) line.first = next;
    else previous.next = next;
    if (next === undefined) line.last = previous;
    else next.previous = previous;
    this.#size -= 1;
    if (line.first === undefined) this.#waiting.remove(line);
  }

  /** Who is served next. */
  peek(): Place<Item> | undefined {
    return this.#waiting.least?.first;
  }

  /** Takes out the one `peek` shows; its fleet is charged. */
  serve(place: Place<Item>, cost: number): void {
    this.#time = Math.max(this.#time, place.line.key);
    this.charge(place.line.fleetId, cost);
    this.remove(place);
    // Nobody had to wait for what the others took: all accounts are even.
    if (this.#size === 0) this.#time = this.#most;
  }

  /** Corrects what a fleet has taken; negative gives back. */
  charge(fleetId: string, cost: number): void {
    const line = this.#lines.get(fleetId);
    if (line === undefined) return;
    line.key += cost;
    this.#most = Math.max(this.#most, line.key);
    if (line.rank !== -1) this.#waiting.place(line);
  }

  /** Takes out everybody, fleet by fleet. */
  clear(): Item[] {
    const items: Item[] = [];
    for (let place = this.peek(); place !== undefined; place = this.peek()) {
      items.push(place.item);
      this.remove(place);
    }
    return items;
  }

  #line(fleetId: string): Line<Item> {
    const known = this.#lines.get(fleetId);
    if (known !== undefined) return known;
    if (this.#lines.size >= this.#sweepAt) this.#sweep();
    const line: Line<Item> = { fleetId, key: this.#time, rank: -1, first: undefined, last: undefined };
    this.#lines.set(fleetId, line);
    return line;
  }

  /** Forgets fleets that would start at the present time anyway. */
  #sweep(): void {
    for (const [fleetId, line] of this.#lines) {
      if (line.rank === -1 && line.key <= this.#time) this.#lines.delete(fleetId);
    }
    this.#sweepAt = Math.max(SWEEP_FLEETS, 2 * this.#lines.size);
  }
}
