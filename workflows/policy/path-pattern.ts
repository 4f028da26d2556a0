/**
 * gitignore patterns, matched in time linear in pattern × path: rules and paths come from strangers, and a regular
 * expression made of them could hold up every subagent of a worker. Tested against the npm package `ignore`.
 */
export type Glyph = '?' | '*' | { char: string } | { not: boolean; ranges: readonly (readonly [number, number])[] };
export type Segment = '**' | readonly Glyph[];

export interface PathPattern {
  segments: readonly Segment[];
  /** Written with a slash at its end: it means directories and what lies in them. */
  directoryOnly: boolean;
  /** It does not hang on the directory it is relative to: it matches in any below. */
  anyDepth: boolean;
}

/**
 * Reads one pattern; undefined when it can match nothing: empty, a bracket that is open or holds a slash, a backslash at
 * its end or before a slash. `!` and `#` at its start stand for themselves: a rule is no line of a file. With
 * `looseSubtree`, `x/**` of one segment holds at any depth.
 */
export function parsePattern(text: string, options: { looseSubtree?: boolean } = {}): PathPattern | undefined {
  let rest = text.replace(/(?<!\\)\s+$/, '');
  while (rest.startsWith('./')) rest = rest.slice(2);
  const isRooted = rest.startsWith('/');
  const directoryOnly = rest.endsWith('/');
  const parts = rest.split('/').filter((part) => part !== '');
  const segments: Segment[] = [];
  for (const part of parts) {
    if (!/^\*{2,}$/.test(part)) {
      const glyphs = parseSegment(part);
      if (glyphs === undefined) return undefined;
      segments.push(glyphs);
    } else if (segments.at(-1) !== '**') segments.push('**');
  }
  if (segments.length === 0) return undefined;
  const isSubtree = options.looseSubtree === true && segments.length === 2 && segments[1] === '**';
  if (!isRooted && (parts.length === 1 || isSubtree) && segments[0] !== '**') segments.unshift('**');
  return { segments, directoryOnly, anyDepth: segments[0] === '**' && segments.length > 1 };
}

/** Whether the pattern names `path` (relative, posix) or a directory above it, as an ignore file would. */
export function coversPath(pattern: PathPattern, path: string, isDirectory = false): boolean {
  return matchSegments(pattern, namesOf(path), matchName, (matched, total) => {
    return matched < total || isDirectory || !pattern.directoryOnly;
  });
}

/** Whether the pattern names exactly `path`, as a glob would. */
export function matchesPath(pattern: PathPattern, path: string): boolean {
  return (
    !pattern.directoryOnly && matchSegments(pattern, namesOf(path), matchName, (matched, total) => matched === total)
  );
}

/**
 * Whether `wide`, relative to the directory of names `wideFrom`, covers all that `narrow` covers; false is no proof of the
 * opposite. A `**` of `narrow` is covered by one of `wide` alone.
 */
export function coversPattern(
  wide: PathPattern,
  narrow: PathPattern,
  from: { wide: readonly string[]; narrow: readonly string[] } = { wide: [], narrow: [] },
): boolean {
  // Of directories at any depth below: how many names a `**` stands for would matter.
  if (wide.directoryOnly && wide.segments.at(-1) === '**') return false;
  const literal = (name: string): Segment => Array.from(name, (char) => ({ char }));
  const outer = { ...wide, segments: [...from.wide.map(literal), ...wide.segments] };
  const inner = [...from.narrow.map(literal), ...narrow.segments];
  const covers = (one: readonly Glyph[], other: Segment): boolean => other !== '**' && coversName(one, other);
  return matchSegments(outer, inner, covers, (matched, total) => {
    return matched < total || !wide.directoryOnly || narrow.directoryOnly;
  });
}

/** The names a pattern begins with that are spelled out. `isWhole`: it has no others; `isSubtree`: only a `**` follows. */
export function literalPrefix({ segments }: PathPattern): { names: string[]; isWhole: boolean; isSubtree: boolean } {
  const spelled = segments.map(spelledName);
  const end = spelled.indexOf(undefined);
  const names = spelled.slice(0, end < 0 ? spelled.length : end).filter((name) => name !== undefined);
  return { names, isWhole: end < 0, isSubtree: end === segments.length - 1 && segments[end] === '**' };
}

function spelledName(segment: Segment): string | undefined {
  if (segment === '**') return undefined;
  const chars = segment.map((glyph) => (typeof glyph === 'object' && 'char' in glyph ? glyph.char : undefined));
  return chars.includes(undefined) ? undefined : chars.join('');
}

const namesOf = (path: string): string[][] => path.split('/').map((name) => Array.from(name));

/** The usual walk with one way back, to the last `**`; `accepts` judges how much of the path the pattern has used. */
function matchSegments<Name>(
  { segments }: PathPattern,
  names: readonly Name[],
  matches: (segment: readonly Glyph[], name: Name) => boolean,
  accepts: (matched: number, total: number) => boolean,
): boolean {
  const retry = { pattern: -1, name: 0 };
  let at = 0;
  for (let name = 0; ;) {
    const segment = segments[at];
    // `**` at the end takes all that is left, and at least one name.
    if (segment === '**' && at === segments.length - 1) {
      if (name < names.length) return accepts(name + 1, names.length) || accepts(names.length, names.length);
    } else if (segment === '**') {
      retry.pattern = at++;
      retry.name = name;
      continue;
    } else if (segment === undefined) {
      if (accepts(name, names.length)) return true;
    } else if (name < names.length && matches(segment, names[name]!)) {
      at++;
      name++;
      continue;
    }
    if (retry.pattern < 0 || retry.name >= names.length) return false;
    at = retry.pattern + 1;
    name = ++retry.name;
  }
}

const matchName = (glyphs: readonly Glyph[], chars: readonly string[]): boolean =>
  matchGlyphs(glyphs, chars, matchGlyph);

const coversName = (wide: readonly Glyph[], narrow: readonly Glyph[]): boolean =>
  matchGlyphs(wide, narrow, coversGlyph);

function matchGlyphs<Char>(
  glyphs: readonly Glyph[],
  chars: readonly Char[],
  matches: (glyph: Exclude<Glyph, '*'>, char: Char) => boolean,
): boolean {
  const retry = { glyph: -1, char: 0 };
  let at = 0;
  for (let char = 0; at < glyphs.length || char < chars.length;) {
    const glyph = glyphs[at];
    if (glyph === '*') {
      retry.glyph = at++;
      retry.char = char;
    } else if (glyph !== undefined && char < chars.length && matches(glyph, chars[char]!)) {
      at++;
      char++;
    } else {
      if (retry.glyph < 0 || retry.char >= chars.length) return false;
      at = retry.glyph + 1;
      char = ++retry.char;
    }
  }
  return true;
}

/** One glyph that stands for one character; a star is only covered by a star, which takes all. */
function coversGlyph(wide: Exclude<Glyph, '*'>, narrow: Glyph): boolean {
  if (narrow === '*') return false;
  if (wide === '?') return true;
  if (narrow === '?') return false;
  if ('char' in narrow) return matchGlyph(wide, narrow.char);
  return JSON.stringify(wide) === JSON.stringify(narrow);
}

function matchGlyph(glyph: Exclude<Glyph, '*'>, char: string): boolean {
  if (glyph === '?') return true;
  if ('char' in glyph) return glyph.char === char;
  const code = char.codePointAt(0) ?? 0;
  return glyph.ranges.some(([low, high]) => low <= code && code <= high) !== glyph.not;
}

function parseSegment(text: string): Glyph[] | undefined {
  const chars = Array.from(text);
  const glyphs: Glyph[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    if (char === '*') {
      if (glyphs.at(-1) !== '*') glyphs.push('*');
    } else if (char === '?') glyphs.push('?');
    else if (char === '\\') {
      const literal = chars[++i];
      if (literal === undefined) return undefined;
      glyphs.push({ char: literal });
    } else if (char === '[') {
      const bracket = parseBracket(chars, i + 1);
      if (bracket === undefined) return undefined;
      glyphs.push(bracket.glyph);
      i = bracket.end;
    } else glyphs.push({ char });
  }
  return glyphs;
}

/** git's own, ASCII only (wildmatch.c). */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: '09AZaz',
  alpha: 'AZaz',
  blank: '  \t\t',
  cntrl: '\x00\x1f\x7f\x7f',
  digit: '09',
  graph: '!~',
  lower: 'az',
  print: ' ~',
  punct: '!/:@[`{~',
  space: '  \t\n\r\r',
  upper: 'AZ',
  xdigit: '09AFaf',
};

/** A bracket expression from behind its `[`; a `]` in the first place is a member. */
function parseBracket(chars: readonly string[], start: number): { glyph: Glyph; end: number } | undefined {
  const ranges: [number, number][] = [];
  const not = chars[start] === '!' || chars[start] === '^';
  const first = not ? start + 1 : start;
  const code = (char: string | undefined): number => char?.codePointAt(0) ?? -1;
  for (let i = first; i < chars.length; i++) {
    if (chars[i] === ']' && i > first) return { glyph: { not, ranges }, end: i };
    if (chars[i] === '[' && chars[i + 1] === ':') {
      const end = chars.indexOf(']', i + 2);
      if (end > 0 && chars[end - 1] === ':') {
        const members = CLASSES[chars.slice(i + 2, end - 1).join('')];
        if (members === undefined) return undefined;
        for (let k = 0; k < members.length; k += 2) ranges.push([members.charCodeAt(k), members.charCodeAt(k + 1)]);
        i = end;
        continue;
      }
    }
    if (chars[i] === '\\') i++;
    const low = code(chars[i]);
    let high = low;
    if (chars[i + 1] === '-' && chars[i + 2] !== undefined && chars[i + 2] !== ']') {
      i += chars[i + 2] === '\\' ? 3 : 2;
      high = code(chars[i]);
    }
    ranges.push([low, high]);
  }
  return undefined;
}
