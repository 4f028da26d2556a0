import { CommandFault, ShellText, type ShellWord } from './command-text.ts';

/** One command of a shell text, with its own words only: what stands in a substitution is a part of its own. */
export interface CommandPart {
  /** `NAME=value` in front of it. */
  assignments: readonly ShellWord[];
  words: readonly ShellWord[];
  redirects: readonly Redirect[];
}

export interface Redirect {
  /** A file is opened for writing. */
  writes: boolean;
  target: ShellWord;
}

export type CommandReading = { parts: readonly CommandPart[] } | { fault: string };

/** Longer ones are taken apart by nobody. */
export const MAX_COMMAND_CHARS = 10_000;
/** Commands and redirects in one text; each is held against every rule. */
const MAX_PARTS = 250;

/**
 * Takes a text for bash apart into every command it can run, those in substitutions, subshells, groups, loops and
 * conditions included. What it is not sure of is a fault, in words for the model: never a guess. Reads the text once. Its
 * rules are bash's grammar (bash 5.2 manual, 3.2 to 3.6). Made for rules; the boundary is the sandbox.
 */
export function readCommand(text: string): CommandReading {
  if (text.length > MAX_COMMAND_CHARS) return { fault: `it is longer than ${MAX_COMMAND_CHARS.toString()} characters` };
  const parts: CommandPart[] = [];
  try {
    new CommandList(text, parts, 0).readAll();
  } catch (error) {
    if (error instanceof CommandFault) return { fault: error.message };
    throw error;
  }
  return parts.length > 0 ? { parts } : { fault: 'it holds no command' };
}

/** Words that mean a construct where a command may start; those behind which a command may start again. */
const OPENERS: Readonly<Record<string, string>> = { if: 'fi', while: 'done', until: 'done', '{': '}' };
const MIDDLES: Readonly<Record<string, string>> = { then: 'fi', elif: 'fi', else: 'fi', do: 'done' };
const CLOSERS = new Set(['fi', 'done', '}']);
const UNREAD = new Set(['case', 'esac', 'select', 'function', 'coproc']);
const KEYWORDS = new Set(
  [OPENERS, MIDDLES].flatMap((words) => Object.keys(words)).concat([...CLOSERS, ...UNREAD, 'for', '!', '[[', 'in']),
);

/** Whether bash reads the word as grammar where a command may start. */
export function isKeyword(raw: string): boolean {
  return KEYWORDS.has(raw);
}

interface Draft {
  assignments: ShellWord[];
  words: ShellWord[];
  redirects: Redirect[];
}

interface HereDocument {
  end: string;
  stripsTabs: boolean;
  expands: boolean;
}

class CommandList extends ShellText {
  readonly #parts: CommandPart[];
  #redirects = 0;
  /** What must close the constructs that are open, innermost last. */
  readonly #open: string[] = [];
  #documents: HereDocument[] = [];

  constructor(text: string, parts: CommandPart[], depth: number) {
    super(text, depth);
    this.#parts = parts;
  }

  readAll(): void {
    this.#list(undefined);
  }

  protected override backquoted(text: string): void {
    new CommandList(text, this.#parts, this.depth + 1).readAll();
  }

  protected override substitution(): void {
    if (this.#documents.length > 0) throw new CommandFault('a substitution stands between a << and its text');
    this.nested(() => this.#list(')'));
  }

  #list(end: ')' | undefined): void {
    const outer = this.#open.length;
    for (let isAwaited = false; ;) {
      this.skipBlanks();
      if (this.take(/\n/y) !== undefined) {
        this.#readDocuments();
        continue;
      }
      if (this.take(/#[^\n]*/y) !== undefined) continue;
      const isOver = this.at >= this.text.length || this.peek() === ')';
      if (isOver) {
        if (isAwaited || this.#open.length > outer || this.#documents.length > 0)
          throw new CommandFault('it ends in the middle of a command');
        return this.#close(end);
      }
      const continues = this.#command(outer);
      isAwaited = continues ? true : this.#separator();
    }
  }

  #close(end: ')' | undefined): void {
    if (end === undefined && this.at < this.text.length) throw new CommandFault('a ) closes nothing');
    if (end !== undefined && this.take(/\)/y) === undefined) throw new CommandFault('a ( is not closed');
  }

  /** Whether another command must follow. */
  #separator(): boolean {
    this.skipBlanks();
    this.take(/#[^\n]*/y);
    const found = this.take(/&&|\|\||;;|;|\|&|\||&/y);
    if (found === ';;') throw new CommandFault('it holds ;;');
    if (found === undefined && this.at < this.text.length && !'\n)'.includes(this.peek()))
      throw new CommandFault(`there is an unexpected ${JSON.stringify(this.peek())}`);
    return found === '&&' || found?.startsWith('|') === true;
  }

  /** One command, or one word of the grammar; true: behind it a command starts. */
  #command(outer: number): boolean {
    if (this.peek(2) === '((') throw new CommandFault('it holds (( … ))');
    if (this.take(/\(/y) !== undefined) {
      this.nested(() => this.#list(')'));
      return this.#tail();
    }
    const keyword = this.take(/(?:[a-z]+|[{}!]|\[\[)(?=[ \t\n;&|<>()]|$)/y);
    if (keyword === undefined || !KEYWORDS.has(keyword)) {
      this.at -= keyword?.length ?? 0;
      return this.#simple();
    }
    if (keyword === '!') return true;
    if (keyword === '[[') return this.#condition();
    if (keyword === 'for') return this.#loop();
    if (OPENERS[keyword] !== undefined) {
      this.#open.push(OPENERS[keyword]);
      return true;
    }
    const isInner = this.#open.length > outer;
    if (isInner && MIDDLES[keyword] !== undefined && MIDDLES[keyword] === this.#open.at(-1)) return true;
    if (!isInner || !CLOSERS.has(keyword) || this.#open.pop() !== keyword)
      throw new CommandFault(`its ${keyword} is not understood`);
    return this.#tail();
  }

  /** Redirects behind a construct. */
  #tail(): false {
    const part: Draft = { assignments: [], words: [], redirects: [] };
    do {
      this.skipBlanks();
      this.take(/\d+(?=[<>])/y);
    } while (this.#redirect(part));
    if (part.redirects.length > 0) this.#add(part);
    return false;
  }

  /** `for name in words`, up to its `do`. What it sets is a variable: only small letters, for they mean nothing to others. */
  #loop(): boolean {
    this.skipBlanks();
    if (this.take(/[a-z]\w*(?=[ \t\n;])/y) === undefined) throw new CommandFault('its for is unusual');
    this.take(/[ \t\n]*/y);
    if (this.take(/in(?=[ \t\n])/y) !== undefined) {
      for (this.skipBlanks(); !';\n'.includes(this.peek()); this.skipBlanks())
        if (this.#anyWord().raw === '') throw new CommandFault('its for is unusual');
    }
    this.take(/[; \t\n][ \t\n]*/y);
    if (!/^do[ \t\n]/.test(this.peek(3))) throw new CommandFault('its for has no do');
    this.#open.push('done');
    return true;
  }

  /** `[[ … ]]`, where `<`, `(` and `&&` are words of a condition. */
  #condition(): boolean {
    const words: ShellWord[] = [{ raw: '[[', value: '[[' }];
    while (words.at(-1)!.raw !== ']]') {
      this.take(/(?:[ \t\n]|\\\n)+/y);
      const isInner = /^[<>]\(/.test(this.peek(2));
      const sign = isInner ? undefined : this.take(/[&|<>()]/y);
      const word = sign === undefined ? this.#anyWord() : { raw: sign, value: sign };
      if (word.raw === '') throw new CommandFault('a [[ is not closed');
      words.push(word);
    }
    this.#add({ assignments: [], words, redirects: [] });
    return this.#tail();
  }

  #simple(): boolean {
    const part: Draft = { assignments: [], words: [], redirects: [] };
    for (;;) {
      this.skipBlanks();
      if (this.at >= this.text.length || this.peek() === '#') break;
      if (this.#redirect(part)) continue;
      if (this.peek() === '(') throw new CommandFault('it holds a function, an array or a pattern in ( )');
      const word = this.#anyWord();
      if (word.raw === '') break;
      if (this.#isDescriptor(word)) continue;
      const isAssignment = part.words.length === 0 && /^[A-Za-z_]\w*\+?=/.test(word.raw);
      (isAssignment ? part.assignments : part.words).push(word);
    }
    if (part.words.length + part.assignments.length + part.redirects.length === 0)
      throw new CommandFault(`there is an unexpected ${JSON.stringify(this.peek())}`);
    const name = part.words[0];
    if (name && (name.value === undefined || KEYWORDS.has(name.raw)))
      throw new CommandFault(`the program ${name.raw} is not spelled out`);
    this.#add(part);
    return false;
  }

  #add(part: CommandPart): void {
    this.#parts.push(part);
    this.#redirects += part.redirects.length;
    if (this.#parts.length + this.#redirects > MAX_PARTS)
      throw new CommandFault(`it holds more than ${MAX_PARTS.toString()} commands`);
  }

  /** `2` of `2>&1`. */
  #isDescriptor({ raw }: ShellWord): boolean {
    return /^\d+$/.test(raw) && (this.peek() === '<' || this.peek() === '>');
  }

  /** A word, or a process substitution, which is one. */
  #anyWord(): ShellWord {
    const start = this.at;
    const char = this.peek();
    if (char === '#') throw new CommandFault('a comment stands in the middle of it');
    if (!'<>'.includes(char) || this.take(/[<>]\(/y) === undefined) return this.word();
    this.substitution();
    if (this.word().raw !== '') throw new CommandFault('a word goes on behind its <( )');
    return { raw: this.text.slice(start, this.at), value: undefined };
  }

  #redirect(part: Draft): boolean {
    if (!'<>&'.includes(this.peek()) || /^[<>]\(/.test(this.peek(2))) return false;
    const operator = this.take(/&>>|&>|<<<|<<-|<<|<>|<&|>>|>&|>\||<|>/y);
    if (operator === undefined) return false;
    this.skipBlanks();
    // bash takes the dash alone, and what touches it is the next word: `>&-rm x` runs rm.
    if (/^[<>]&$/.test(operator) && this.take(/-/y) !== undefined) return true;
    const target = this.#anyWord();
    if (target.raw === '') throw new CommandFault(`there is nothing behind ${operator}`);
    if (operator === '<<' || operator === '<<-') this.#announce(target, operator);
    const isCopy = operator.endsWith('&') && /^\d+-?$/.test(target.raw);
    if (operator === '<&' && !isCopy) throw new CommandFault('its <& is unusual');
    const isInner = /^[<>]\(/.test(target.raw);
    if (!isCopy && !isInner) part.redirects.push({ writes: operator.includes('>'), target });
    return true;
  }

  #announce({ raw, value }: ShellWord, operator: string): void {
    if (value === undefined || value.includes('\n')) throw new CommandFault('the end of its here-document is unusual');
    this.#documents.push({ end: value, stripsTabs: operator === '<<-', expands: raw === value });
  }

  /** The here-documents announced on the line that ended here. */
  #readDocuments(): void {
    for (const { end, stripsTabs, expands } of this.#documents.splice(0)) {
      const lines: string[] = [];
      for (;;) {
        if (this.at >= this.text.length) throw new CommandFault(`its here-document has no line ${end}`);
        const written = this.take(/[^\n]*/y)!;
        const line = stripsTabs ? written.replace(/^\t+/, '') : written;
        this.at++;
        if (line === end) break;
        // bash joins such lines, and takes `EOF)` for an end in a substitution.
        if ((expands && line.endsWith('\\')) || line.startsWith(end))
          throw new CommandFault(`it is not sure where its here-document ends`);
        lines.push(line);
      }
      if (expands) new CommandList(lines.join('\n'), this.#parts, this.depth + 1).expansionsOfBody();
    }
  }
}
