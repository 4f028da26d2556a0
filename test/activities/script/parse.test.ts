import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseScript, MAX_SCRIPT_CHARS } from '../../../activities/script/parse.ts';

const META = "export const meta = { name: 'a', description: 'b' }\n";

const parsed = (source: string) => {
  const found = parseScript(source, 'a.js');
  if (!found.ok) throw new Error(JSON.stringify(found.faults));
  return found;
};
const faultsOf = (source: string) => {
  const found = parseScript(source, 'a.js');
  return found.ok
    ? []
    : found.faults.map(({ line, column, message, hint }) => `${line}:${column} ${message} → ${hint}`);
};
const faultOf = (body: string) => faultsOf(META + body).join('\n');

describe('reading a script', () => {
  it('takes top-level await and return, and what meta says', () => {
    const source =
      "// a comment first\nexport const meta = { name: 'x', description: `y`, whenToUse: 'z', n: -1,\n  phases: [{ title: 'A', detail: 'd', model: 'm' }, { 'title': 'B' }] }\nconst r = await agent('hi')\nreturn r";
    expect(parsed(source).meta).toEqual({
      name: 'x',
      description: 'y',
      whenToUse: 'z',
      phases: [{ title: 'A', detail: 'd', model: 'm' }, { title: 'B' }],
    });
  });

  it('keeps each character of the script where it stands', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('', '// first\n', '/* a\n b */ '),
        fc.constantFrom(
          "export const meta = { name: 'a', description: 'b' }",
          "export const meta={name:'a',description:'b'}",
          "export\nconst meta = {\r\n  name: 'a',\n  description: 'b' }",
          "export const meta={name:'a',description:`b\u2028c`}",
        ),
        fc.constantFrom(';', '\n', ';\n\n'),
        (before, meta, after) => {
          const source = `${before}${meta}${after}return 'here'`;
          const { body } = parsed(source);
          const place = (text: string) => {
            const lines = text.slice(0, text.indexOf("return 'here'")).split(/\r\n|[\n\r\u2028\u2029]/);
            return [lines.length, lines.at(-1)!.length];
          };
          expect(place(body)).toEqual(place(source));
        },
      ),
    );
  });

  it('names the scripts it runs, as far as they are written down', () => {
    const { workflows } = parsed(
      `${META}await workflow('one', 1); await workflow({ scriptPath: 'dir/two.js' }); await workflow(args.name)`,
    );
    expect(workflows).toEqual({ names: ['one'], paths: ['dir/two.js'] });
  });

  it('reads every example of the fixtures', () => {
    const folder = fileURLToPath(new URL('../../fixtures/scripts/', import.meta.url));
    expect(faultsOf(readFileSync(`${folder}everything.js`, 'utf8'))).toEqual([]);
  });
});

describe('what is not a script', () => {
  it.each([
    ['const x = ;', '2:11 not JavaScript: unexpected token → look at ";"'],
    ['await agent("x"', '2:16 not JavaScript: unexpected token → the file ends in the middle: close what is open'],
    ['function f() { await agent("x") }', 'make the function that holds it async'],
    ['}); return (async () => {', '2:1 not JavaScript: unexpected token'],
    ['x-->0', 'there is no x'],
    ['\n-->x', 'not JavaScript'],
  ])('tells line and column of a syntax error: %s', (body, fault) => expect(faultOf(body)).toContain(fault));

  it.each([
    ['const x: string = "a"', '2:8 a type after `:` is TypeScript, and a script is plain JavaScript'],
    ['function f(a: string) {}', '2:13 a type after `:`'],
    ['function f(a?: string) {}', 'a type after `:`'],
    ['interface Foo { a: string }', 'an `interface`'],
    ['type Foo = string', '`type Foo`'],
    ['enum E { A }', 'an `enum`'],
    ['const x = args as string', '`as` is TypeScript'],
    ['const x = args!.length', 'a `!` after a value'],
    ['const f = <T,>(a) => a', 'a type in `<…>`'],
    ['class A { private x = 1 }', '`private`'],
  ])('says of TypeScript that it is: %s', (body, fault) => expect(faultOf(body)).toContain(fault));

  it.each([
    ["import fs from 'node:fs'", '2:1 a script imports nothing'],
    ["const fs = await import('node:fs')", '2:18 a script imports nothing'],
    ["const fs = require('fs')", '2:12 there is no require to call → a script has no files, shell, network or Node'],
    ['export const x = 1', '2:1 a script exports nothing but meta'],
    ['export default 1', 'a script exports nothing but meta'],
    ['return import.meta.url', 'no import.meta'],
  ])('refuses modules: %s', (body, fault) => expect(faultOf(body)).toContain(fault));

  it.each([
    ['', '1:1 the first statement is not `export const meta = {…}`'],
    ['const meta = {}', 'the first statement is not'],
    ["'use strict'; export const meta = { name: 'a', description: 'b' }", 'the first statement is not'],
    ['export const meta = make()', '1:21 meta is not an object literal'],
    [
      "export const meta = { name: 'a' + 'b', description: 'c' }",
      '1:29 meta is not a pure literal: it holds a BinaryExpression',
    ],
    ["export const meta = { name: who, description: 'c' }", 'it names who'],
    ["export const meta = { ...x, description: 'c' }", 'it spreads another object'],
    ["export const meta = { get name() {}, description: 'c' }", 'more than plain keys'],
    ["export const meta = { name: `a${1}`, description: 'c' }", 'a text has ${…} in it'],
    ["export const meta = { name: f(), description: 'c' }", 'it calls a function'],
    ["export const meta = { name: 'a' }", 'meta has no description'],
    ["export const meta = { name: '', description: 4 }", 'meta.name is not a text'],
    ["export const meta = { name: 'a', description: 'b', phases: 'x' }", 'meta.phases is not a list'],
    ["export const meta = { name: 'a', description: 'b', phases: [{}] }", 'meta.phases[0] has no title'],
    [
      "export const meta = { name: 'a', description: 'b', phases: [{ title: 'a', model: 1 }] }",
      'model of meta.phases[0]',
    ],
  ])('wants meta first and plain: %s', (source, fault) => expect(faultsOf(source).join('\n')).toContain(fault));

  it('does not run what meta tries to hide', () => {
    expect(parsed("export const meta = { name: 'a', description: 'b', __proto__: { x: 1 } }").meta).toEqual({
      name: 'a',
      description: 'b',
    });
  });
});

describe('names that nothing stands behind', () => {
  it.each([
    ['await agnet("x")', '2:7 there is no agnet to call → did you mean agent?'],
    ['await paralel([])', 'did you mean parallel?'],
    ['console.log("x")', '2:1 there is no console to call → use log(message)'],
    ['setTimeout(() => 1, 5)', 'a script has no clock'],
    ['return `${whatever}`', '2:11 there is no whatever'],
    ['{ let a = 1 } a()', '2:15 there is no a to call'],
    ['const f = (a) => b(a); b', 'there is no b to call'],
    ['new Frobnicator()', 'there is no Frobnicator to call'],
    ['tagged`x`', 'there is no tagged to call'],
    ['void (({ a }) => 1), a', 'there is no a'],
    ['undeclared = 1', 'there is no undeclared'],
  ])('are told with the nearest that exists: %s', (body, fault) => expect(faultOf(body)).toContain(fault));

  it.each([
    ['f(); function f() { return g() } var g = () => 1'],
    ['const { a, b: [c = a, ...d], ...e } = args; return [a, c, d, e]'],
    ['for (const x of [1]) { log(x) } for (let i = 0; i < 1; i++) i; for (const k in {}) k'],
    ['try { throw 1 } catch ({ message }) { log(message) } try { } catch { }'],
    ['class A { static #p = 1; static { var q = A.#p; log(q) } m() { return new A() } [args] = 1 }; return new A()'],
    ['const f = function g(n) { return n ? g(n - 1) : arguments.length }; return f(1)'],
    ['lap: for (;;) { break lap }'],
    ['switch (args) { case 1: { } default: let y = 1; log(y) }'],
    ['if (typeof fetch === "function") fetch("x")'],
    ['globalThis.shared = 1; return shared'],
    ['return { agent, log: 1, nothing: 2 }.nothing'],
    ['return meta.name'],
    ['label = 1; var label'],
  ])('are not those a scope declares: %s', (body) => expect(faultOf(body)).toBe(''));

  it('are told all at once, in the order of the text', () => {
    expect(faultsOf(`${META}aa(); bb()\ncc()`).map((fault) => fault.slice(0, 4))).toEqual(['2:1 ', '2:7 ', '3:1 ']);
  });
});

describe('hostile texts', () => {
  it.each([
    ['deep lists', '['.repeat(200_000)],
    ['deep functions', `${'(()=>'.repeat(20_000)}1${')'.repeat(20_000)}`],
    ['deep sums', `return ${'1+'.repeat(100_000)}1`],
    ['many names', Array.from({ length: 5_000 }, (_, i) => `let v${i}`).join(';')],
  ])('are read or refused within seconds: %s', { timeout: 10_000 }, (_, body) => {
    expect(typeof parseScript(META + body, 'a.js').ok).toBe('boolean');
  });

  it('that are too long are refused', () => {
    expect(faultsOf(META + ' '.repeat(MAX_SCRIPT_CHARS))).toEqual([
      '1:1 a.js is longer than 524,288 characters → give data as args, or as files that agents read',
    ]);
  });

  it('of any kind never make it throw', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '(',
      ')',
      '`',
      '${',
      'await ',
      'export ',
      'const ',
      'meta',
      '=',
      "'",
      'class ',
      '=>',
      ';',
      '\n',
      'x',
      '/',
      '<!--',
      '...',
      'function ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => void parseScript(META + pieces.join(''), 'a.js')),
    );
  });
});
