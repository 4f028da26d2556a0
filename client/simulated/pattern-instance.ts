import type { Random } from './random.ts';

/** A piece of a pattern that makes one text. */
type Piece = (random: Random, repeats: number) => string;

const SETS: Readonly<Record<string, string>> = {
  d: '0123456789',
  w: 'abcdefghijklmnopqrstuvwxyz0123456789_',
  s: ' ',
  D: 'abc',
  W: '-',
  S: 'abcdefghij',
};
const ANY = 'abcdefghijklmnopqrstuvwxyz';
/** What an open quantifier adds when the text is still too short. */
const MOST_REPEATS = 64;

/**
 * A text that fits a regular expression (literals, sets, groups, alternatives, quantifiers) and the lengths; undefined when
 * the pattern uses more than that. What is returned has been tried against the pattern.
 */
export function patternInstance(pattern: string, random: Random, least = 0, most = Infinity): string | undefined {
  try {
    const expression = new RegExp(pattern, 'u');
    const reader = new PatternReader(pattern);
    const piece = reader.alternatives();
    for (let repeats = 0; repeats <= MOST_REPEATS; repeats += 1) {
      const text = piece(random, repeats);
      if (text.length >= least && text.length <= most && expression.test(text)) return text;
    }
  } catch {
    // Beyond this reader, or no regular expression at all.
  }
  return undefined;
}

class PatternReader {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  alternatives(): Piece {
    const choices = [this.#sequence()];
    while (this.#take('|')) choices.push(this.#sequence());
    return (random, repeats) => random.pick(choices)(random, repeats);
  }

  #sequence(): Piece {
    const pieces: Piece[] = [];
    while (this.#at < this.#pattern.length && !'|)'.includes(this.#next())) pieces.push(this.#quantified());
    return (random, repeats) => pieces.map((piece) => piece(random, repeats)).join('');
  }

  #quantified(): Piece {
    const piece = this.#atom();
    const rest = this.#pattern.slice(this.#at);
    const [text, bounds] = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(rest) ?? [];
    if (text === undefined) return piece;
    this.#at += text.length;
    const [, from = '0', comma = '', to = ''] = /\{(\d+)(,?)(\d*)\}/.exec(text) ?? [];
    const least = bounds === undefined ? Number(from) : bounds === '+' ? 1 : 0;
    const most =
      bounds === '?' ? 1 : bounds !== undefined || (comma !== '' && to === '') ? Infinity : Number(to || from);
    return (random, repeats) => {
      const times = Math.min(most, Math.max(least, repeats));
      return Array.from({ length: times }, () => piece(random, repeats)).join('');
    };
  }

  #atom(): Piece {
    const character = this.#advance();
    if (character === '^' || character === '$') return () => '';
    if (character === '.') return (random) => random.pick([...ANY]);
    if (character === '[') return this.#set();
    if (character === '\\') return this.#escape();
    if (character !== '(') return () => character;
    if (this.#take('?') && !this.#take(':') && !/^<[^=!]/.test(this.#pattern.slice(this.#at)))
      throw new Error('look-around');
    if (this.#next() === '<') this.#at = this.#pattern.indexOf('>', this.#at) + 1;
    const group = this.alternatives();
    this.#take(')');
    return group;
  }

  #escape(): Piece {
    const character = this.#advance();
    if (character === 'b' || character === 'B') return () => '';
    if (/[1-9kpPuxc]/.test(character)) throw new Error('back reference or class');
    const set = SETS[character] ?? { n: '\n', t: '\t', r: '\r' }[character] ?? character;
    return (random) => random.pick([...set]);
  }

  #set(): Piece {
    const isNegated = this.#take('^');
    let members = '';
    while (this.#next() !== ']') {
      const from = this.#member();
      if (this.#next() === '-' && this.#pattern[this.#at + 1] !== ']' && from.length === 1) {
        this.#at += 1;
        members += range(from, this.#member());
      } else members += from;
    }
    this.#at += 1;
    const all = isNegated ? [...`${ANY}0123456789-_ `].filter((one) => !members.includes(one)) : [...members];
    return (random) => random.pick(all);
  }

  #member(): string {
    const character = this.#advance();
    return character === '\\'
      ? SETS[this.#next()] !== undefined
        ? SETS[this.#advance()]!
        : this.#advance()
      : character;
  }

  #next(): string {
    return this.#pattern[this.#at] ?? '';
  }

  #advance(): string {
    const character = this.#next();
    if (character === '') throw new Error('pattern ends too early');
    this.#at += 1;
    return character;
  }

  #take(character: string): boolean {
    if (this.#next() !== character) return false;
    this.#at += 1;
    return true;
  }
}

function range(from: string, to: string): string {
  const first = from.codePointAt(0) ?? 0;
  const last = Math.min(to.codePointAt(0) ?? 0, first + 128);
  return Array.from({ length: last - first + 1 }, (_, n) => String.fromCodePoint(first + n)).join('');
}
