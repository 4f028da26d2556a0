import {
  UNIT_LETTERS as L,
  emptyCensus,
  statusOfLetter,
  type Census,
  type SubagentStatus,
  type UnitLetter,
} from '../contract/statuses.ts';
import { Queue } from './queue.ts';

/** For each subagent those it waits for; null: nobody waits. */
type Prerequisites = readonly (readonly number[])[] | null;

/** Subagents that came into being together. */
export interface UnitGroup {
  count: number;
  /** 0: they are of the plan. */
  depth: number;
  /** By absolute index. */
  prerequisites: Prerequisites;
}

/** What an earlier run left, and who hears of ends. */
export interface UnitsBefore {
  letters?: string | undefined;
  generations?: readonly [index: number, generation: number][] | undefined;
  /** Parked, and not to go on yet. */
  held?: Iterable<number>;
  /** Of a wave that may not start yet. */
  isClosed?: (index: number) => boolean;
  onEnd?: (index: number, status: SubagentStatus) => void;
  onReopen?: (index: number, status: SubagentStatus) => void;
}

/**
 * The subagents of a fleet: where each stands, who waits for whom, and the queue. Every subagent ends once: an end is
 * taken only from one that has none, and only `retry` takes it back. The plan's come first; spawned ones follow, and end
 * only by `end`, since a result must lie in the store by then.
 */
export class Units {
  readonly census: Census = emptyCensus();
  /** Ever started in its present generation: its end leaves a result in the store. */
  readonly started: boolean[] = [];
  private readonly letters: UnitLetter[] = [];
  private readonly depths: number[] = [];
  private readonly generations: Map<number, number>;
  private readonly prerequisites: (readonly number[] | undefined)[] = [];
  private readonly dependents: (number[] | undefined)[] = [];
  /** Prerequisites that have not completed, and one more while its wave is closed. */
  private readonly missing: number[] = [];
  /** About to end: not to be dispatched again. */
  private readonly withheld = new Set<number>();
  /** Parked until what it waits for has come. */
  private readonly held: Set<number>;
  /** Was held, and may go on. */
  private readonly returning = new Set<number>();
  /** Spawned, not started, and what they need did not complete. */
  private doomed: number[] = [];
  private readonly queue = new Queue(
    (index) => this.letters[index] === L.parked && !this.withheld.has(index) && !this.held.has(index),
    (index) => this.letters[index] === L.queued && !this.withheld.has(index),
  );
  private endedCount = 0;
  private readonly before: UnitsBefore;

  constructor(groups: readonly UnitGroup[], before: UnitsBefore = {}) {
    this.before = before;
    this.generations = new Map(before.generations ?? []);
    this.held = new Set(before.held ?? []);
    for (const group of groups) this.add(group, before.letters);
  }

  /** New ones get the next indexes. `letters` of all tells where they stand; without it they are queued. */
  add({ count, depth, prerequisites }: UnitGroup, letters?: string): void {
    const from = this.count;
    for (let index = from; index < from + count; index++) {
      this.depths.push(depth);
      this.restore(index, letters?.[index] as UnitLetter | undefined);
      this.missing.push(this.before.isClosed?.(index) ? 1 : 0);
    }
    if (prerequisites) this.link(from, prerequisites);
    for (let index = from; index < from + count; index++) this.enqueue(index);
  }

  get count(): number {
    return this.letters.length;
  }
  get hasEnded(): boolean {
    return this.endedCount === this.count;
  }
  get text(): string {
    return this.letters.join('');
  }
  letter(index: number): UnitLetter | undefined {
    return this.letters[index];
  }
  isEnded(index: number): boolean {
    return statusOfLetter(this.letters[index] ?? '') !== undefined;
  }
  isSpawned(index: number): boolean {
    return this.depth(index) > 0;
  }
  /** Its own; a child stands one deeper. */
  depth(index: number): number {
    return this.depths[index] ?? 0;
  }
  generation(index: number): number {
    return this.generations.get(index) ?? 1;
  }
  get raisedGenerations(): [number, number][] {
    return [...this.generations];
  }
  /** Indexes for which `letter` stands, in order. */
  *inState(...wanted: UnitLetter[]): Iterable<number> {
    for (let index = 0; index < this.count; index++) if (wanted.includes(this.letters[index]!)) yield index;
  }
  countOf(...wanted: UnitLetter[]): number {
    let sum = 0;
    for (const letter of this.letters) if (wanted.includes(letter)) sum++;
    return sum;
  }

  /** The next to be dispatched, without taking it. */
  peek(): number | undefined {
    return this.queue.peek();
  }

  /** How many are to have a permit before any that stands at `depth` and has not started. */
  ahead(depth: number): number {
    return this.returning.size + this.queue.deeper(depth);
  }

  /** Takes the next one for a batch. */
  take(): number | undefined {
    const index = this.peek();
    if (index === undefined) return undefined;
    this.letters[index] = L.inBatch;
    this.returning.delete(index);
    return index;
  }

  /** Its end has been asked for: it stays where it is until then. */
  withhold(index: number): void {
    this.withheld.add(index);
    this.returning.delete(index);
  }

  /** A batch returned it without having started it. */
  giveBack(index: number): void {
    if (this.letters[index] !== L.inBatch) return;
    if (this.started[index]) return this.park(index);
    this.letters[index] = L.queued;
    // What it needs may have been retried meanwhile.
    if (this.needsFailed(index)) this.skip(index);
    else if (this.missing[index]! > 0) this.letters[index] = L.waiting;
    else this.queue.putBack(index, this.depth(index));
  }

  /** It came back, and goes on before all others. */
  park(index: number): void {
    if (this.isEnded(index)) return;
    this.started[index] = true;
    this.letters[index] = L.parked;
    this.queue.resume(index);
  }

  /** It came back, and goes on when `resume` says so. */
  hold(index: number): void {
    if (this.isEnded(index)) return;
    this.started[index] = true;
    this.letters[index] = L.parked;
    this.held.add(index);
  }

  resume(index: number): void {
    if (!this.held.delete(index) || this.withheld.has(index)) return;
    this.returning.add(index);
    this.queue.resume(index);
  }
  isHeld(index: number): boolean {
    return this.held.has(index);
  }

  /** Ends one; its dependents become ready, or are skipped with all that depends on them. */
  end(index: number, status: SubagentStatus): void {
    const open = [[index, status] as const];
    for (let next = open.pop(); next; next = open.pop()) {
      const [at, its] = next;
      if (this.isEnded(at)) continue;
      this.letters[at] = L[its];
      this.withheld.delete(at);
      this.held.delete(at);
      this.census[its]++;
      this.endedCount++;
      this.before.onEnd?.(at, its);
      for (const dependent of this.dependents[at] ?? []) {
        if (its === 'completed') this.ready(dependent);
        // One under way began on results that were good then: it goes on.
        else if (this.letters[dependent] === L.waiting || this.letters[dependent] === L.queued)
          if (this.isSpawned(dependent)) this.doomed.push(dependent);
          else open.push([dependent, 'skipped']);
      }
    }
  }

  /** Spawned ones that are to end as skipped, each once. */
  takeDoomed(): number[] {
    const doomed = this.doomed.filter((index) => this.needsFailed(index));
    this.doomed = [];
    return doomed;
  }

  /** One thing less that it waits for: a prerequisite has completed, or its wave has opened. */
  ready(index: number): void {
    if (--this.missing[index]! > 0 || this.letters[index] !== L.waiting) return;
    this.letters[index] = L.queued;
    this.queue.add(index, this.depth(index));
  }

  /**
   * Runs ended ones again under the next generation; with them what was skipped because of them, and what they need
   * that did not complete.
   */
  retry(indexes: Iterable<number>): void {
    const again = [...indexes];
    for (const index of again) {
      if (!this.isEnded(index)) continue;
      if (this.letters[index] === L.completed)
        for (const dependent of this.dependents[index] ?? []) {
          this.missing[dependent]!++;
          if (this.letters[dependent] === L.queued) this.letters[dependent] = L.waiting;
        }
      this.reopen(index);
      again.push(...(this.prerequisites[index] ?? []).filter((other) => this.hasFailed(other)));
    }
    // Skipped ones come back once nothing they need has failed; with them what was skipped because of them.
    for (const index of again) {
      for (const dependent of this.dependents[index] ?? []) {
        if (this.letters[dependent] !== L.skipped || this.needsFailed(dependent)) continue;
        this.reopen(dependent);
        again.push(dependent);
      }
    }
    for (const index of again) this.enqueue(index);
  }

  /** Whether anyone waits for the results of this one. */
  hasDependents(index: number): boolean {
    return (this.dependents[index]?.length ?? 0) > 0;
  }

  needsFailed(index: number): boolean {
    return this.prerequisites[index]?.some((other) => this.hasFailed(other)) ?? false;
  }

  /** Ended, and not completed. */
  private hasFailed(index: number): boolean {
    return this.isEnded(index) && this.letters[index] !== L.completed;
  }

  private skip(index: number): void {
    if (this.isSpawned(index)) this.doomed.push(index);
    else this.end(index, 'skipped');
  }

  private reopen(index: number): void {
    const status = statusOfLetter(this.letters[index]!);
    if (status === undefined) return;
    this.census[status]--;
    this.endedCount--;
    this.generations.set(index, this.generation(index) + 1);
    this.letters[index] = L.queued;
    this.started[index] = false;
    this.before.onReopen?.(index, status);
  }

  private enqueue(index: number): void {
    if (this.letters[index] === L.parked) this.queue.resume(index);
    if (this.letters[index] !== L.queued) return;
    if (this.missing[index]! > 0) this.letters[index] = L.waiting;
    else this.queue.add(index, this.depth(index));
  }

  private restore(index: number, letter: UnitLetter | undefined): void {
    const status = statusOfLetter(letter ?? '');
    if (status) {
      this.census[status]++;
      this.endedCount++;
    }
    this.letters[index] = letter !== undefined && (status || letter === L.parked) ? letter : L.queued;
    this.started[index] = letter === L.parked;
  }

  private link(from: number, prerequisites: readonly (readonly number[])[]): void {
    prerequisites.forEach((needed, offset) => {
      const index = from + offset;
      this.prerequisites[index] = needed;
      this.missing[index]! += needed.filter((other) => this.letters[other] !== L.completed).length;
      for (const other of needed) (this.dependents[other] ??= []).push(index);
    });
    // A prerequisite that had ended otherwise before this run began skips its dependents now, but none that has begun.
    prerequisites.forEach((_, offset) => {
      const index = from + offset;
      if (this.letters[index] === L.queued && this.needsFailed(index)) this.skip(index);
    });
  }
}
