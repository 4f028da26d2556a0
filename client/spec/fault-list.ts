import { toSnake } from './keys.ts';
import type { Fault } from './plan.ts';
import type { Path, SourceDocument } from './source-document.ts';

/** Gathers every fault of one file, each where it stands. Paths may spell keys in camelCase whatever the file does. */
export class FaultList {
  readonly faults: Fault[] = [];
  readonly #file: string;
  readonly #document: SourceDocument;
  /** What a fleet gives all its tasks is wrong once, not a thousand times. */
  readonly #said = new Set<string>();

  constructor(file: string, document: SourceDocument) {
    this.#file = file;
    this.#document = document;
  }

  /** A fault of the value at `path`. */
  add(path: Path, message: string, hint: string): void {
    this.#push(path, 'value', message, hint);
  }

  /** A fault of the key at the end of `path`. */
  addKey(path: Path, message: string, hint: string): void {
    this.#push(path, 'key', message, hint);
  }

  /** A fault of something that is not in the file, such as a flag. */
  addElsewhere(file: string, message: string, hint: string): void {
    this.faults.push({ file, line: 0, column: 0, message, hint });
  }

  /** Line of the value at `path`, to point at it from another fault. */
  lineOf(path: Path): number {
    return this.#document.locate(this.#spelled(path)).line;
  }

  #push(path: Path, part: 'key' | 'value', message: string, hint: string): void {
    const place = this.#document.locate(this.#spelled(path), part);
    const key = `${place.line}:${place.column}:${message}`;
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.faults.push({ file: this.#file, ...place, message, hint });
  }

  #spelled(path: Path): Path {
    let here: unknown = this.#document.value;
    return path.map((key) => {
      const object = here as Record<string | number, unknown> | null | undefined;
      const isObject = typeof object === 'object' && object !== null;
      const own =
        isObject && typeof key === 'string' && !(key in object) && toSnake(key) in object ? toSnake(key) : key;
      here = isObject ? object[own] : undefined;
      return own;
    });
  }
}
