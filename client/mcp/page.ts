import type { Result } from '../../workflows/contract/task.schema.ts';
import { resultRow, type ResultRow } from './result-row.ts';

/** Rows of one reply in characters of JSON: some 6,000 tokens, so that no fleet floods whoever asks. */
export const PAGE_CHARS = 20_000;
/** Of one output where a reply has many. */
export const OUTPUT_CHARS = 2_000;
export const DEFAULT_ROWS = 50;

/** Fills up with rows until they are as many, or as much, as one reply may hold; the last one may go a little beyond. */
export class Page {
  readonly rows: ResultRow[] = [];
  readonly #limit: number;
  readonly #outputChars: number;
  #chars = 0;

  constructor(limit = DEFAULT_ROWS, outputChars = OUTPUT_CHARS) {
    this.#limit = limit;
    this.#outputChars = outputChars;
  }

  get isFull(): boolean {
    return this.rows.length >= this.#limit || this.#chars >= PAGE_CHARS;
  }

  add(result: Result): void {
    const row = resultRow(result, this.#outputChars);
    this.rows.push(row);
    this.#chars += JSON.stringify(row).length;
  }
}
