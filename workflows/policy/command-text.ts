export interface ShellWord {
  /** As written; a line that goes on behind a backslash is one line. */
  raw: string;
  /** What the program is given; undefined: only the shell knows (variables, substitutions, globs, braces). */
  value: string | undefined;
}

/** The text cannot be taken apart for sure; the message completes "it cannot be taken apart: …" for the model. */
export class CommandFault extends Error {
  override name = 'CommandFault';
}

/** Nobody nests deeper on purpose, and each level costs stack. */
const MAX_DEPTH = 20;
/** A word ends at one of these, unquoted. */
const META = ' \t\n;&|<>()';
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/;

/** bash joins lines before it reads signs: `$`, then a joined line with `(`, is a substitution, in quotes too. */
const SPLIT_SIGN = /[$(<{]\\\n/;

/** What words collect while they are read. */
interface Draft {
  raw: string;
  value: string;
  isKnown: boolean;
  /** An unquoted { stands in it. */
  hasBrace: boolean;
}

const emptyDraft = (): Draft => ({ raw: '', value: '', isKnown: true, hasBrace: false });

/** A place in a text for bash, and how words are read from there: quotes and expansions. */
export abstract class ShellText {
  protected readonly text: string;
  protected readonly depth: number;
  protected at = 0;

  constructor(text: string, depth: number) {
    if (depth > MAX_DEPTH) throw new CommandFault(`it nests more than ${MAX_DEPTH.toString()} levels deep`);
    if (CONTROL.test(text)) throw new CommandFault('it holds control characters');
    if (SPLIT_SIGN.test(text)) throw new CommandFault('a line ends in the middle of a sign such as $(');
    this.text = text;
    this.depth = depth;
  }

  /** Reads the commands of a substitution, from behind its opening to behind its `)`. */
  protected abstract substitution(): void;
  /** Reads all of `text`, the inside of backquotes, as commands. */
  protected abstract backquoted(text: string): void;

  protected peek(length = 1): string {
    return length === 1 ? (this.text[this.at] ?? '') : this.text.slice(this.at, this.at + length);
  }

  /** Takes what `pattern` (sticky) finds here. */
  protected take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  protected skipBlanks(): void {
    this.take(/(?:[ \t]|\\\n)*/y);
  }

  /** The word that starts here; its `raw` is empty when none does. */
  protected word(): ShellWord {
    const draft = emptyDraft();
    while (!META.includes(this.peek())) this.#piece(draft);
    const { raw, value, isKnown } = draft;
    return { raw, value: isKnown || raw === '[' ? value : undefined };
  }

  /** One character, quotation or expansion, or a run of plain characters, outside of quotes. */
  #piece(draft: Draft): void {
    const plain = this.take(draft.hasBrace ? /[\w/@%+=:-]+/y : /[\w/@%+=:.,-]+/y);
    if (plain !== undefined) {
      draft.raw += plain;
      draft.value += plain;
      return;
    }
    const start = this.at;
    const char = this.peek();
    if (char === "'") draft.value += this.#singleQuoted();
    else if (char === '"') {
      this.at++;
      this.#quoted('"', draft);
    } else if (char === '\\') {
      const next = this.text[this.at + 1];
      if (next === undefined) throw new CommandFault('it ends in a backslash');
      this.at += 2;
      if (next === '\n') return;
      draft.value += next;
    } else if (!this.#expansion(draft, false)) {
      this.at++;
      draft.value += char;
      if (mayExpand(char, draft)) draft.isKnown = false;
      draft.hasBrace ||= char === '{';
    }
    draft.raw += this.text.slice(start, this.at);
  }

  #singleQuoted(): string {
    const end = this.text.indexOf("'", this.at + 1);
    if (end < 0) throw new CommandFault("a ' is not closed");
    const inside = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return inside;
  }

  /** Up to behind the closing quote, or to the end of the text: the body of a here-document. */
  #quoted(end: '"' | undefined, draft: Draft): void {
    for (;;) {
      draft.value += this.take(end === undefined ? /[^`$\\]+/y : /[^"`$\\]+/y) ?? '';
      const char = this.text[this.at];
      if (char === undefined && end === undefined) return;
      if (char === undefined) throw new CommandFault('a " is not closed');
      if (char === end) {
        this.at++;
        return;
      }
      if (char === '`' && end === undefined) throw new CommandFault('write $( ) for ` ` in a here-document');
      const next = this.text[this.at + 1] ?? '';
      if (char === '\\' && next !== '' && '$`"\\\n'.includes(next)) {
        this.at += 2;
        if (next !== '\n') draft.value += next;
      } else if (!this.#expansion(draft, true)) {
        this.at++;
        draft.value += char;
      }
    }
  }

  /** What expands in a text the shell reads as if it stood in double quotes. */
  protected expansionsOfBody(): void {
    this.#quoted(undefined, emptyDraft());
  }

  /** Reads an expansion if one starts here. */
  #expansion(draft: Draft, isQuoted: boolean): boolean {
    if (this.peek() === '`') this.#backquotes(isQuoted);
    else if (this.take(/\$\(\(/y) !== undefined) this.#arithmetic();
    else if (this.take(/\$\(/y) !== undefined) this.substitution();
    else if (this.peek(2) === '${') this.#parameter(isQuoted);
    else if (this.peek(2) === '$[') throw new CommandFault('write $(( … )) for $[ … ]');
    else if (!isQuoted && this.peek(2) === "$'") return this.#ansiQuoted(draft);
    else if (!isQuoted && this.peek(2) === '$"') this.at++;
    else if (this.take(/\$(?:\w+|[@*#?$!-])/y) === undefined) return false;
    draft.isKnown = false;
    return true;
  }

  /** `$'…'`, whose escapes can spell anything. */
  #ansiQuoted(draft: Draft): true {
    const quoted = this.take(/\$'(?:[^'\\]|\\[^])*'/y);
    if (quoted === undefined) throw new CommandFault("a $' is not closed");
    if (quoted.includes('\\')) draft.isKnown = false;
    draft.value += quoted.slice(2, -1);
    return true;
  }

  #backquotes(isQuoted: boolean): void {
    const quoted = this.take(/`(?:[^`\\]|\\[^])*`/y);
    if (quoted === undefined) throw new CommandFault('a ` is not closed');
    this.backquoted(quoted.slice(1, -1).replace(isQuoted ? /\\([`$\\"])/g : /\\([`$\\])/g, '$1'));
  }

  /** Numbers alone: the value of a name is evaluated too, and `a[$(…)]` in it would run. */
  #arithmetic(): void {
    let open = 2;
    while (open > 0) {
      const char = this.take(/[\d\s+\-*/%<>=!&|^~?:,()]/y);
      if (char === undefined) throw new CommandFault('arithmetic over more than numbers may run commands');
      if (char === '(') open++;
      else if (char === ')') open--;
      if (open === 1 && char === ')' && this.peek() !== ')')
        throw new CommandFault('write a space between $( and ( of a subshell');
    }
  }

  /** `${…}` in the forms that evaluate no arithmetic and no prompt; the word in it is read as any text. */
  #parameter(isQuoted: boolean): void {
    if (this.take(/\$\{#?(?:\w+|[@*#?$!-])(?:\[[@*\d]+\])?/y) === undefined)
      throw new CommandFault('one of its ${ … } is unusual');
    if (this.take(/\}/y) !== undefined) return;
    if (this.take(/: *-?\d+(?:: *-?\d+)?(?=\})|:?[-=+?]|##?|%%?|\/\/?|\^\^?|,,?/y) === undefined)
      throw new CommandFault('one of its ${ … } may evaluate more than it shows');
    this.nested(() => {
      while (this.take(/\}/y) === undefined) {
        const char = this.text[this.at];
        if (char === undefined) throw new CommandFault('a ${ is not closed');
        if (char === "'" || (char === '"' && isQuoted)) throw new CommandFault('quotes in a ${ … } are ambiguous');
        const ignored = emptyDraft();
        if (isQuoted && char !== '\\') {
          if (!this.#expansion(ignored, true)) this.at++;
        } else this.#piece(ignored);
      }
    });
  }

  #level = 0;

  /** Recursion inside one text is bounded like that of texts. */
  protected nested(read: () => void): void {
    if (++this.#level + this.depth > MAX_DEPTH)
      throw new CommandFault(`it nests more than ${MAX_DEPTH.toString()} levels deep`);
    read();
    this.#level--;
  }
}

/** A glob, a home directory, or a brace that may make several words. */
function mayExpand(char: string, { raw, hasBrace }: Draft): boolean {
  if ('*?['.includes(char)) return true;
  return char === '~' ? raw === '' || /[=:]$/.test(raw) : hasBrace && (char === ',' || char === '.');
}
