import {
  UNIT_LETTERS as L,
  emptyCensus,
  statusOfLetter,
  type Census,
  type SubagentStatus,
  type UnitLetter,
} from '../contract/statuses.ts';

/** For each subagent those it waits for; null: nobody waits. */
type Prerequisites = readonly (readonly number[])[] | null;

/**
 * The subagents of a fleet: where each stands, who waits for whom, and the queue. Every subagent ends once: an end is
 * taken only from one that has none, and only `retry` takes it back.
 */
export class Units {
  readonly census: Census = emptyCensus();
  /** Ever started in its present generation: its end leaves a result in the store. */
  readonly started: boolean[];
  private readonly letters: UnitLetter[];
  private readonly generations = new Map<number, number>();
  private readonly prerequisites: Prerequisites;
  private readonly dependents: (readonly number[] | undefined)[] = [];
  private readonly missing: number[] = [];
  /** Parked, and about to end: not to be dispatched again. */
  private readonly withheld = new Set<number>();
  /** Came back and may go on: before all others. */
  private resumed: number[] = [];
  private planned: number[] = [];
  private plannedHead = 0;
  private endedCount = 0;

  constructor(
    count: number,
    prerequisites: Prerequisites,
    before?: { units: string; generations: readonly [number, number][] },
  ) {
    this.prerequisites = prerequisites;
    this.letters = Array.from({ length: count }, () => L.queued);
    this.started = Array.from({ length: count }, () => false);
    for (const [index, generation] of before?.generations ?? []) this.generations.set(index, generation);
    if (before) this.restore(before.units);
    if (prerequisites) this.link(prerequisites);
    for (let index = 0; index < count; index++) this.enqueue(index);
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
    while (this.resumed.length > 0 && !this.mayResume(this.resumed[0]!)) this.resumed.shift();
    if (this.resumed.length > 0) return this.resumed[0];
    while (this.plannedHead < this.planned.length && this.letters[this.planned[this.plannedHead]!] !== L.queued)
      this.plannedHead++;
    return this.planned[this.plannedHead];
  }

  private mayResume(index: number): boolean {
    return this.letters[index] === L.parked && !this.withheld.has(index);
  }

  /** Its end has been asked for: it stays parked until then. */
  withhold(index: number): void {
    this.withheld.add(index);
  }

  /** Takes the next one for a batch. */
  take(): number | undefined {
    const index = this.peek();
    if (index !== undefined) this.letters[index] = L.inBatch;
    return index;
  }

  /** A batch returned it without having started it. */
  giveBack(index: number): void {
    if (this.letters[index] !== L.inBatch) return;
    if (this.started[index]) return this.park(index);
    this.letters[index] = L.queued;
    // What it needs may have been retried meanwhile.
    if (this.needsFailed(index)) this.end(index, 'skipped');
    else if ((this.missing[index] ?? 0) > 0) this.letters[index] = L.waiting;
    else this.planned.splice(this.plannedHead, 0, index);
  }

  park(index: number): void {
    if (this.isEnded(index)) return;
    this.started[index] = true;
    this.letters[index] = L.parked;
    this.resumed.push(index);
  }

  /** Ends one; its dependents become ready, or are skipped with all that depends on them. */
  end(index: number, status: SubagentStatus): void {
    const open = [[index, status] as const];
    for (let next = open.pop(); next; next = open.pop()) {
      const [at, its] = next;
      if (this.isEnded(at)) continue;
      this.letters[at] = L[its];
      this.withheld.delete(at);
      this.census[its]++;
      this.endedCount++;
      for (const dependent of this.dependents[at] ?? []) {
        if (its !== 'completed') {
          // One under way began on results that were good then: it goes on.
          if (this.letters[dependent] === L.waiting || this.letters[dependent] === L.queued)
            open.push([dependent, 'skipped']);
        } else if (--this.missing[dependent]! === 0 && this.letters[dependent] === L.waiting) {
          this.letters[dependent] = L.queued;
          this.planned.push(dependent);
        }
      }
    }
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
      again.push(...(this.prerequisites?.[index] ?? []).filter((other) => this.hasFailed(other)));
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

  /** Ended, and not completed. */
  private hasFailed(index: number): boolean {
    return this.isEnded(index) && this.letters[index] !== L.completed;
  }

  private needsFailed(index: number): boolean {
    return this.prerequisites?.[index]?.some((other) => this.hasFailed(other)) ?? false;
  }

  private reopen(index: number): void {
    const status = statusOfLetter(this.letters[index]!);
    if (status === undefined) return;
    this.census[status]--;
    this.endedCount--;
    this.generations.set(index, this.generation(index) + 1);
    this.letters[index] = L.queued;
    this.started[index] = false;
  }

  private enqueue(index: number): void {
    if (this.letters[index] === L.parked) this.resumed.push(index);
    if (this.letters[index] !== L.queued) return;
    if ((this.missing[index] ?? 0) > 0) this.letters[index] = L.waiting;
    else this.planned.push(index);
  }

  private restore(text: string): void {
    for (let index = 0; index < this.count; index++) {
      const letter = text[index] as UnitLetter;
      const status = statusOfLetter(letter);
      if (status) {
        this.census[status]++;
        this.endedCount++;
      }
      this.letters[index] = status || letter === L.parked ? letter : L.queued;
      this.started[index] = letter === L.parked;
    }
  }

  private link(prerequisites: readonly (readonly number[])[]): void {
    const dependents: number[][] = [];
    prerequisites.forEach((needed, index) => {
      this.missing[index] = needed.filter((other) => this.letters[other] !== L.completed).length;
      for (const other of needed) (dependents[other] ??= []).push(index);
    });
    dependents.forEach((list, index) => (this.dependents[index] = list));
    // A prerequisite that had ended otherwise before this run began skips its dependents now, but none that has begun.
    prerequisites.forEach((_, index) => {
      if (this.letters[index] === L.queued && this.needsFailed(index)) this.end(index, 'skipped');
    });
  }

  /** Whether anyone waits for the results of this one. */
  hasDependents(index: number): boolean {
    return (this.dependents[index]?.length ?? 0) > 0;
  }
}
