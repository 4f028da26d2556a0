/** What is wrong at one place of a script. Line and column count from 1, columns in UTF-16 units. */
export interface ScriptFault {
  line: number;
  column: number;
  message: string;
  /** What to write instead. */
  hint: string;
}

/** Faults as they are found, given back in the order of the text. */
export class ScriptFaults {
  readonly #source: string;
  readonly #found = new Map<string, { at: number; fault: ScriptFault }>();
  #lineStarts: number[] | undefined;

  constructor(source: string) {
    this.#source = source;
  }

  /** `at`: offset in the source. The same word at the same place counts once. */
  add(at: number, message: string, hint: string): void {
    this.#found.set(`${at.toString()} ${message}`, { at, fault: { ...this.#position(at), message, hint } });
  }

  get isEmpty(): boolean {
    return this.#found.size === 0;
  }

  get all(): ScriptFault[] {
    return [...this.#found.values()].sort((a, b) => a.at - b.at).map(({ fault }) => fault);
  }

  #position(at: number): { line: number; column: number } {
    const starts = (this.#lineStarts ??= lineStarts(this.#source));
    let low = 0;
    for (let high = starts.length; high - low > 1;) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= at) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: at - starts[low]! + 1 };
  }
}

/** Line ends as JavaScript has them. */
export const LINE_END = /\r\n|[\n\r\u2028\u2029]/g;

function lineStarts(source: string): number[] {
  return [0, ...[...source.matchAll(LINE_END)].map(({ index, 0: end }) => index + end.length)];
}
