/** A member knows its own place in the heap, so that its key may change at any time. */
export interface Ranked {
  key: number;
  /** -1: not in the heap. Only the heap writes it. */
  rank: number;
}

/** A binary heap whose members may change their key and leave from anywhere; all in O(log n). */
export class LeastFirst<Member extends Ranked> {
  readonly #members: Member[] = [];

  get least(): Member | undefined {
    return this.#members[0];
  }

  /** Finds the place of a member that is new, or whose key has changed. */
  place(member: Member): void {
    if (member.rank === -1) {
      member.rank = this.#members.length;
      this.#members.push(member);
    }
    this.#rise(member);
    this.#sink(member);
  }

  /** Does nothing for one that is not in here. */
  remove(member: Member): void {
    if (member.rank === -1) return;
    const last = this.#members.pop()!;
    if (last !== member) {
      this.#put(last, member.rank);
      this.place(last);
    }
    member.rank = -1;
  }

  #rise(member: Member): void {
    while (member.rank > 0) {
      const parent = this.#members[(member.rank - 1) >> 1]!;
      if (parent.key <= member.key) return;
      this.#swap(parent, member);
    }
  }

  #sink(member: Member): void {
    for (;;) {
      const left = this.#members[2 * member.rank + 1];
      const right = this.#members[2 * member.rank + 2];
      const child = right !== undefined && left !== undefined && right.key < left.key ? right : left;
      if (child === undefined || child.key >= member.key) return;
      this.#swap(member, child);
    }
  }

  #swap(upper: Member, lower: Member): void {
    const { rank } = upper;
    this.#put(upper, lower.rank);
    this.#put(lower, rank);
  }

  #put(member: Member, rank: number): void {
    this.#members[rank] = member;
    member.rank = rank;
  }
}
