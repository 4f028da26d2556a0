import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readLog, sizeOf } from './log-file.ts';

/** What is added to the logs of a directory from now on. */
export class LogFollower {
  readonly #directory: string;
  readonly #read = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
    for (const name of this.#names()) this.#read.set(name, sizeOf(join(directory, name)));
  }

  /** The whole lines added since the last call, each after the name of its log. */
  read(): string {
    return this.#names()
      .map((name) => this.#readOne(name))
      .join('');
  }

  #readOne(name: string): string {
    const path = join(this.#directory, name);
    const size = sizeOf(path);
    const known = this.#read.get(name) ?? 0;
    // Emptied in between because it was full.
    const from = known > size ? 0 : known;
    if (from === size) return '';
    const text = readLog(path, from);
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    this.#read.set(name, size - Buffer.byteLength(text.slice(whole.length)));
    return whole.replaceAll(/^(?=.)/gm, `${name.replace(/\.log$/, '')} | `);
  }

  #names(): string[] {
    return existsSync(this.#directory) ? readdirSync(this.#directory).filter((name) => name.endsWith('.log')) : [];
  }
}
