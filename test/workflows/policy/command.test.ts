import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCommand } from '../../../workflows/policy/command.ts';
import type { ShellWord } from '../../../workflows/policy/command-text.ts';
import { unwrap } from '../../../workflows/policy/command-wrapper.ts';

function partsOf(text: string): string[] {
  const reading = readCommand(text);
  if ('fault' in reading) throw new Error(reading.fault);
  return reading.parts.map(({ assignments, words, redirects }) =>
    [
      ...[...assignments, ...words].map(({ raw }) => raw),
      ...redirects.map(({ writes, target }) => `${writes ? '>' : '<'}${target.raw}`),
    ].join(' '),
  );
}

test.each<[string, string[]]>([
  ['npm test', ['npm test']],
  ['a && b || c; d | e |& f & g', ['a', 'b', 'c', 'd', 'e', 'f', 'g']],
  ['a\nb\n\nc', ['a', 'b', 'c']],
  ['a "b && c" \'d; e\' f\\;g', ['a "b && c" \'d; e\' f\\;g']],
  ['a # b && c\nd', ['a', 'd']],
  ['a#b c', ['a#b c']],
  ['a \\\n  b', ['a b']],
  ['np\\\nm test', ['npm test']],
  ['X=1 Y="2 3" a', ['X=1 Y="2 3" a']],
  ['X=1', ['X=1']],
  ['(a; b) > c', ['a', 'b', '>c']],
  ['{ a; b; } 2>&1 | d', ['a', 'b', 'd']],
  ['a $(b "$(c)") `d \\`e\\``', ['c', 'b "$(c)"', 'e', 'd `e`', 'a $(b "$(c)") `d \\`e\\``']],
  ['a <(b) >(c)', ['b', 'c', 'a <(b) >(c)']],
  ['a > b 2>> c < d 2>&1 &> e >&2 >| f <> g', ['a >b >c <d >e >f >g']],
  ['> b', ['>b']],
  ['>&-rm x', ['rm x']],
  ['a <& -b', ['a b']],
  ['a 2 >b', ['a 2 >b']],
  ['if a; then b; elif c; then d; else e; fi', ['a', 'b', 'c', 'd', 'e']],
  ['while a; do b; done < c', ['a', 'b', '<c']],
  ['until a\ndo b\ndone', ['a', 'b']],
  ['for x in 1 $(b) *.ts; do a $x; done', ['b', 'a $x']],
  ['for x; do a; done', ['a']],
  ['! a', ['a']],
  ['[[ -f a && ( b < c ) ]] && d', ['[[ -f a & & ( b < c ) ]]', 'd']],
  ['[ -f a ] || b', ['[ -f a ]', 'b']],
  ["a <<'E' && b\n$(c)\nE\nd", ["a <'E'", 'b', 'd']],
  ['a <<E\n$(b) ${x} \\$(c)\nE', ['a <E', 'b']],
  ['a <<-E\n\tx\n\tE\nb', ['a <E', 'b']],
  ['a <<< "b c"', ['a <"b c"']],
  ['a "$(b <<\'E\'\nit\'s "x" $(y)\nE\n)"', ["b <'E'", 'a "$(b <<\'E\'\nit\'s "x" $(y)\nE\n)"']],
  [
    'a ${x:-$(b)} "${y}" ${#z} ${z%.*} ${z//a/b} ${z:1:2} $((1 + (2 * 3)))',
    ['b', 'a ${x:-$(b)} "${y}" ${#z} ${z%.*} ${z//a/b} ${z:1:2} $((1 + (2 * 3)))'],
  ],
  ['a;', ['a']],
  ['a &', ['a']],
  ['a $ "$" b$', ['a $ "$" b$']],
  ['a $\'x\' $"y"', ['a $\'x\' $"y"']],
])('%j is %j', (text, parts) => {
  expect(partsOf(text)).toEqual(parts);
});

test.each<[string, RegExp]>([
  ['', /no command/],
  ['# nothing', /no command/],
  ["a 'b", /' is not closed/],
  ['a "b', /" is not closed/],
  ['a `b', /` is not closed/],
  ['a $(b', /middle|not closed/],
  ['(a', /not closed|middle/],
  ['a)', /closes nothing/],
  ['a &&', /middle/],
  ['&& a', /unexpected/],
  ['a ;; b', /;;/],
  ['a | | b', /unexpected/],
  ['if a; then b', /middle/],
  ['fi', /not understood/],
  ['{ a; fi; }', /not understood/],
  ['a () { b; }', /function/],
  ['x=(a b)', /function, an array/],
  ['case a in b) c;; esac', /case/],
  ['select x in a; do b; done', /select/],
  ['function f { a; }', /function/],
  ['coproc a', /coproc/],
  ['((x = 1))', /\(\(/],
  ['for ((;;)); do a; done', /for/],
  ['for PATH in a; do b; done', /for/],
  ['a $((x + 1))', /arithmetic/],
  ['a $[1]', /\$\(\(/],
  ['a $((1)) > b ))', /unexpected|closes/],
  ['a ${x@P}', /evaluate/],
  ['a ${!x}', /evaluate|unusual/],
  ['a ${x:y}', /evaluate/],
  ['a ${x[y]}', /evaluate/],
  ['a "${x:-\'b\'}"', /ambiguous/],
  ['$x a', /not spelled out/],
  ['"$x" a', /not spelled out/],
  ['$(a) b', /not spelled out/],
  ['/bin/r? a', /not spelled out/],
  ['{a,b} c', /not spelled out/],
  ["$'\\x72m' a", /not spelled out/],
  ['> a if', /not spelled out/],
  ['i\\\nf a', /not spelled out/],
  ['a <<E\nb', /has no line E/],
  ['a <<E\nb\\\nE\nc\nE', /not sure/],
  ['a "$(b <<\'E\'\nx\nE)"; c "\nE\n)"', /not sure/],
  ['a <<$x\n$x', /unusual/],
  ['a <<E $(b\nE\n)', /between a <</],
  ['a >', /nothing behind/],
  ['a "$\\\n(b)"', /middle of a sign/],
  ['a $\\\n(b)', /middle of a sign/],
  ['a <<E\n$\\\n(b)\nE', /middle of a sign/],
  ['a $(\\\n(x))', /middle of a sign/],
  ['a <\\\n(b)', /middle of a sign/],
  ['a <(b)#; c', /behind its/],
  ["[[ a = a # '\n]]; b ' ]]", /comment/],
  ['[[ a', /not closed/],
  ['a\rb', /control/],
  ['a\0b', /control/],
  ['a\\', /backslash/],
  [`${'( '.repeat(30)}a${')'.repeat(30)}`, /20 levels/],
  ['x'.repeat(10_001), /longer than 10000/],
  ['a;'.repeat(251), /more than 250 commands/],
  [`a ${'>b '.repeat(251)}`, /more than 250 commands/],
])('%j is read by nobody: %s', (text, fault) => {
  expect(readCommand(text)).toEqual({ fault: expect.stringMatching(fault) as string });
});

test.each([
  '(',
  '$(',
  '`',
  '"$(',
  '&&',
  '\\',
  '${x:-',
  '<<E ',
  '<(',
  '! ',
  '{',
  '{a,',
  'if ',
  '"',
  "'",
  '[[ ',
  '$((',
  ';',
  'a;',
  'nohup ',
  'find . -exec ',
])('ten thousand characters of %j cost milliseconds', (piece) => {
  const text = piece.repeat(Math.floor(10_000 / piece.length));
  const start = process.cpuUsage(); // of this process: others may keep the machine busy
  readCommand(text);
  expect(process.cpuUsage(start).user / 1_000).toBeLessThan(100);
});

/**
 * Runs texts in one bash whose every command only says its name, and returns the names said for each text: what bash runs.
 * Files they make lie in `cwd`.
 */
function ranByBash(cwd: string, texts: readonly string[]): string[][] {
  const script = `
exec 7>&1; PATH=/nowhere; n=0
command_not_found_handle() { printf '%d %s\\n' "$n" "\${1//$'\\n'/ }" >&7; return $((\${#1} % 2)); }
while IFS= read -r -d '' text; do ( eval "$text" ) >/dev/null 2>&1 </dev/null; n=$((n + 1)); done`;
  const input = texts.map((text) => `${text}\0`).join('');
  const said = execFileSync('bash', ['--norc', '-c', script], {
    cwd,
    input,
    env: {},
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const ran = texts.map((): string[] => []);
  for (const [, index, name] of said.matchAll(/^(\d+) (.*)$/gm)) ran[Number(index)]!.push(name!);
  return ran;
}

const program = fc.constantFrom('pa', 'pbb', 'pc', 'pdd');
const piece = fc.oneof(
  { weight: 6, arbitrary: program },
  { weight: 6, arbitrary: fc.constantFrom(' ', '\n', ' && ', ' || ', '; ', ' | ', ' |& ', ' & ', ';', '|') },
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      ...[
        '$(',
        ')',
        '`',
        '"',
        "'",
        '(',
        '<(',
        '{ ',
        '; }',
        '\\',
        '#',
        ' # ',
        '$',
        "$'",
        '${x:-',
        '}',
        '$((1',
        '))',
        '\\\n',
      ],
      ...[
        'if ',
        '; then ',
        '; else ',
        '; fi',
        'while ',
        'for x in ',
        '; do ',
        '; done',
        '! ',
        '[[ ',
        ' ]]',
        'x=',
        'time ',
      ],
      ...[
        "<<'E'\n",
        '<<E\n',
        '\nE\n',
        'E',
        '>/dev/null',
        ' 2>&1',
        '&>/dev/null',
        '<<<',
        ' x',
        '=',
        '-',
        '>&',
        '*',
        '~',
      ],
    ),
  },
);

const CASES = Number(process.env['MUSTER_FUZZ_CASES'] ?? 6_000);

test('no command runs in bash that is not among the parts', () => {
  const text = fc
    .array(piece, { minLength: 1, maxLength: 14 })
    .map((pieces) => pieces.join(''))
    // Its loops may have no end.
    .filter((made) => !/while[^]*do/.test(made));
  const read = fc.sample(text, { numRuns: CASES }).flatMap((made) => {
    const reading = readCommand(made);
    return 'parts' in reading ? [{ text: made, parts: reading.parts }] : [];
  });
  const cwd = mkdtempSync(join(tmpdir(), 'muster-bash-'));
  let seen = 0;
  try {
    const ran = ranByBash(
      cwd,
      read.map((one) => one.text),
    );
    read.forEach(({ text: made, parts }, index) => {
      const programs = parts.map(({ words }) => runBy(words));
      if (programs.includes(undefined)) return;
      const known = programs.flatMap((names) => names ?? []).map((name) => name.replaceAll('\n', ' '));
      for (const name of ran[index]!) {
        seen++;
        expect({ text: made, name, isKnown: known.includes(name) }).toEqual({ text: made, name, isKnown: true });
      }
    });
  } finally {
    rmSync(cwd, { recursive: true });
  }
  expect(seen).toBeGreaterThan(read.length / 2);
});

/** The program of a part, and what `time` in front of it times; undefined: every rule but an exact one refuses it. */
function runBy(words: readonly ShellWord[]): string[] | undefined {
  const { levels, isKnown } = unwrap(words, true);
  return isKnown ? levels.map((level) => level[0]?.value ?? '') : undefined;
}
