/** Indexes in the order they are to be taken. What is out of date is passed over when its turn comes. */
class Line {
  private indexes: number[] = [];
  private head = 0;

  add(index: number): void {
    this.indexes.push(index);
  }
  putBack(index: number): void {
    this.indexes.splice(this.head, 0, index);
  }
  get length(): number {
    return this.indexes.length - this.head;
  }
  peek(isCurrent: (index: number) => boolean): number | undefined {
    while (this.head < this.indexes.length && !isCurrent(this.indexes[this.head]!)) this.head++;
    const next = this.indexes[this.head];
    if (next === undefined) {
      this.indexes = [];
      this.head = 0;
    }
    return next;
  }
}

/** Whose turn it is: those that came back, then spawned ones, the deepest first, then the plan. */
export class Queue {
  private readonly resumed = new Line();
  /** By how deep they stand; 0 is the plan. */
  private readonly unstarted: Line[] = [];

  private readonly mayResume: (index: number) => boolean;
  private readonly mayStart: (index: number) => boolean;

  constructor(mayResume: (index: number) => boolean, mayStart: (index: number) => boolean) {
    this.mayResume = mayResume;
    this.mayStart = mayStart;
  }

  resume(index: number): void {
    this.resumed.add(index);
  }
  add(index: number, depth: number): void {
    this.line(depth).add(index);
  }
  /** It was taken and has not started: it keeps its turn. */
  putBack(index: number, depth: number): void {
    this.line(depth).putBack(index);
  }

  /** How many wait that stand deeper; only what `peek` has looked at is exact. */
  deeper(depth: number): number {
    return this.unstarted.slice(depth + 1).reduce((sum, line) => sum + line.length, 0);
  }

  /** The next, without taking it: it leaves when its letter changes. */
  peek(): number | undefined {
    const back = this.resumed.peek(this.mayResume);
    if (back !== undefined) return back;
    for (let depth = this.unstarted.length - 1; depth >= 0; depth--) {
      const next = this.unstarted[depth]!.peek(this.mayStart);
      if (next !== undefined) return next;
    }
    return undefined;
  }

  private line(depth: number): Line {
    while (this.unstarted.length <= depth) this.unstarted.push(new Line());
    return this.unstarted[depth]!;
  }
}
