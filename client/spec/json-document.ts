import type { SourceDocument, TextFault } from './source-document.ts';
import { lineCounter } from './source-document.ts';

/** Deeper than any task needs, shallow enough for the stack. */
const MAX_DEPTH = 200;
/** Duplicate keys stop being listed here. */
const MAX_FAULTS = 100;

class BadJson extends Error {
  readonly offset: number;
  readonly hint: string;
  constructor(offset: number, message: string, hint: string) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }
}

/** Where the members of one object or list stand: offsets of keys (objects only) and of values. */
interface Members {
  at: number;
  keys: Map<string | number, number> | null;
  values: Map<string | number, number> | number[];
}

/** Strict JSON with positions, duplicate keys refused. Linear: 20 MB take well under a second. Never throws. */
export function parseJson(source: string): SourceDocument {
  const text = source.startsWith('\uFEFF') ? ' ' + source.slice(1) : source;
  const position = lineCounter(text);
  const members = new Map<object, Members>();
  const faults: TextFault[] = [];
  let value: unknown;
  try {
    value = new Parser(text, members, (offset, key) => {
      if (faults.length >= MAX_FAULTS) return;
      faults.push({
        ...position(offset),
        message: `the key ${JSON.stringify(key)} appears twice`,
        hint: 'keep one of them',
      });
    }).document();
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    faults.push({ ...position(error.offset), message: `not JSON: ${error.message}`, hint: error.hint });
  }
  return {
    value,
    faults,
    locate(path, part = 'value') {
      let here: unknown = value;
      let offset = typeof here === 'object' && here !== null ? members.get(here)!.at : 0;
      for (const [i, key] of path.entries()) {
        const known = typeof here === 'object' && here !== null ? members.get(here) : undefined;
        if (!known) break;
        const valueAt = Array.isArray(known.values) ? known.values[Number(key)] : known.values.get(key);
        if (valueAt === undefined) break;
        const isLast = i === path.length - 1;
        offset = isLast && part === 'key' ? (known.keys?.get(key) ?? valueAt) : valueAt;
        here = (here as Record<string | number, unknown>)[key];
      }
      return position(offset);
    },
  };
}

class Parser {
  #at = 0;
  readonly #text: string;
  readonly #members: Map<object, Members>;
  readonly #duplicate: (offset: number, key: string) => void;

  constructor(text: string, members: Map<object, Members>, duplicate: (offset: number, key: string) => void) {
    this.#text = text;
    this.#members = members;
    this.#duplicate = duplicate;
  }

  document(): unknown {
    this.#space();
    if (this.#at >= this.#text.length) throw this.#bad('the file is empty', 'write {"tasks": [{"prompt": "…"}]}');
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#bad('text after the end', 'remove it, or close the list later');
    return value;
  }

  #value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw this.#bad(`nested deeper than ${MAX_DEPTH}`, 'flatten it');
    const char = this.#text[this.#at];
    if (char === '{') return this.#object(depth);
    if (char === '[') return this.#list(depth);
    if (char === '"') return this.#string();
    const word = /[^\s,\]}:"]*/y;
    word.lastIndex = this.#at;
    const literal = word.exec(this.#text)?.[0] ?? '';
    if (/^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)$/.test(literal)) {
      this.#at += literal.length;
      return JSON.parse(literal);
    }
    if (this.#at >= this.#text.length) throw this.#bad('the file ends too early', 'close every { [ and "');
    if (char === '}' || char === ']') throw this.#bad('a comma too many', `remove the comma before ${char}`);
    throw this.#bad(`${JSON.stringify(literal.slice(0, 20) || char)} is no value`, 'put texts in double quotes');
  }

  #object(depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const keys = new Map<string | number, number>();
    const values = new Map<string | number, number>();
    this.#members.set(result, { at: this.#at, keys, values });
    this.#at++;
    for (this.#space(); this.#text[this.#at] !== '}';) {
      const keyAt = this.#at;
      if (this.#text[keyAt] !== '"')
        throw this.#bad('a key is missing', 'write "key": value, without a comma at the end');
      const key = this.#string();
      if (keys.has(key)) this.#duplicate(keyAt, key);
      this.#space();
      if (this.#text[this.#at] !== ':') throw this.#bad(`no ":" after ${JSON.stringify(key)}`, 'write "key": value');
      this.#at++;
      this.#space();
      keys.set(key, keyAt);
      values.set(key, this.#at);
      const value = this.#value(depth + 1);
      // Not an assignment: `__proto__` must stay an ordinary key.
      if (key === '__proto__') Object.defineProperty(result, key, { value, enumerable: true, configurable: true });
      else result[key] = value;
      this.#separator('}');
    }
    this.#at++;
    return result;
  }

  #list(depth: number): unknown[] {
    const result: unknown[] = [];
    const values: number[] = [];
    this.#members.set(result, { at: this.#at, keys: null, values });
    this.#at++;
    for (this.#space(); this.#text[this.#at] !== ']';) {
      values.push(this.#at);
      result.push(this.#value(depth + 1));
      this.#separator(']');
    }
    this.#at++;
    return result;
  }

  /** A comma with something after it, or the closing bracket (left in place). */
  #separator(close: string): void {
    this.#space();
    const char = this.#text[this.#at];
    if (char === close) return;
    if (this.#at >= this.#text.length) throw this.#bad('the file ends too early', `close it with ${close}`);
    if (char !== ',') throw this.#bad('a comma is missing', `write "," or ${close} here`);
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === close) throw this.#bad('a comma too many', `remove the comma before ${close}`);
  }

  #string(): string {
    const start = this.#at;
    let end = start;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) throw this.#bad('a text is not closed', 'add the closing "');
    } while (isEscaped(this.#text, end));
    this.#at = end + 1;
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch {
      this.#at = start;
      throw this.#bad(
        'a bad escape or a line break inside a text',
        'write \\n for a line break and \\\\ for a backslash',
      );
    }
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.#at++;
    }
  }

  #bad(message: string, hint: string): BadJson {
    return new BadJson(this.#at, message, hint);
  }
}

/** Whether the quote at `at` follows an odd number of backslashes. */
function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === '\\') slashes++;
  return slashes % 2 === 1;
}
