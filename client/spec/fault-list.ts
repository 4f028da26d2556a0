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

  /** Where the value at `path` stands, to point at it from another fault. */
  placeOf(path: Path): string {
    return this.#document.nameOf?.(path) ?? `line ${this.#document.locate(this.#spelled(path)).line}`;
  }

  /** For what is only found wrong later, such as waves once it is known who is eligible. */
  at(path: Path): Omit<Fault, 'message' | 'hint'> {
    const spelled = this.#spelled(path);
    return { file: this.#document.nameOf?.(spelled) ?? this.#file, ...this.#document.locate(spelled) };
  }

  #push(path: Path, part: 'key' | 'value', message: string, hint: string): void {
    const spelled = this.#spelled(path);
    const place = this.#document.locate(spelled, part);
    const file = this.#document.nameOf?.(spelled) ?? this.#file;
    const key = `${file}:${place.line}:${place.column}:${message}`;
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.faults.push({ file, ...place, message, hint });
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
