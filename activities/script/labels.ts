const MAX_DEFAULT_CHARS = 60;
/** A task's label has at most 200, and a number may follow. */
const MAX_CHARS = 190;

/** Labels of a script's agents: each once, repeated ones with `#2`, `#3` behind. */
export class Labels {
  private readonly given = new Set<string>();
  private readonly repeats = new Map<string, number>();
  private count = 0;

  /** Without a wish: the start of the prompt. */
  next(wish: string | undefined, prompt: string): string {
    this.count++;
    const base = cut(oneLine(wish ?? prompt), wish === undefined ? MAX_DEFAULT_CHARS : MAX_CHARS);
    const label = this.unused(base === '' ? `agent-${this.count.toString()}` : base);
    this.given.add(label);
    return label;
  }

  private unused(base: string): string {
    let label = base;
    let number = this.repeats.get(base) ?? 2;
    while (this.given.has(label)) label = `${base}#${(number++).toString()}`;
    this.repeats.set(base, number);
    return label;
  }
}

const oneLine = (text: string): string =>
  text
    .trim()
    .split(/[\r\n\u2028\u2029]/, 1)[0]!
    .trim();

function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
