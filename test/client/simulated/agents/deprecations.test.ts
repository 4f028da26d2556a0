import { describe, expect, it } from 'vitest';
import { runAgent } from './agent-run.ts';

const lines = (...text: string[]): string => `${text.join('\n')}\n`;

/** The file after the agent's work, for a file of these lines. */
async function migrated(...text: string[]): Promise<string[]> {
  const run = await runAgent({ 'a.js': lines(...text) });
  return run.read('a.js').split('\n').slice(0, -1);
}

describe('substr', () => {
  it('is rewritten where another method gives the same for every value', async () => {
    expect(
      await migrated(
        'a = s.substr(1);',
        'b = s.substr(-2);',
        'c = s.substr(0, n);',
        'd = s.substr(2, 9);',
        'e = s.substr(p.length, 4);',
        'f = s.substr(p.length + 1, q.length);',
        'for (let i = 0; i < 9; i += 3) g = s.substr(i + 1, 2);',
        'h = s.substr(1).substr(0, 2);',
        'k = (s).substr( start ).trim();',
      ),
    ).toEqual([
      'a = s.slice(1);',
      'b = s.slice(-2);',
      'c = s.substring(0, n);',
      'd = s.slice(2, 11);',
      'e = s.slice(p.length, p.length + 4);',
      'f = s.slice(p.length + 1, p.length + 1 + q.length);',
      'for (let i = 0; i < 9; i += 3) g = s.slice(i + 1, i + 3);',
      'h = s.slice(1).substring(0, 2);',
      'k = (s).slice( start ).trim();',
    ]);
  });

  it('gives the same for values of every sort after its rewriting', async () => {
    const cases = ['s.substr(n)', 's.substr(-3)', 's.substr(0, n)', 's.substr(1, 2)', 's.substr(t.length, 2)'];
    const after = await migrated(...cases.map((text) => `f(${text});`));
    for (const [i, text] of cases.entries()) {
      const [before, now] = [text, after[i]!.slice(2, -2)].map((body) => new Function('s', 't', 'n', `return ${body}`));
      expect(now!.toString()).not.toContain('substr(');
      for (const s of ['', 'a', 'abc', 'abcdefgh', '😀😀'])
        for (const n of [0, 1, 3, -1, -9, 99, NaN, Infinity, -Infinity, undefined, null, '2', 1.5])
          for (const t of ['', 'xyz']) expect(now!(s, t, n)).toBe(before!(s, t, n));
    }
  });

  it('stays where a start or a length may be negative, and says why', async () => {
    const text = [
      'f(s.substr(n, 2));',
      'f(s.substr(1, n));',
      'let i = 4; i--; f(s.substr(i, 2));',
      'f(s.substr(next(), 2));',
    ];
    const run = await runAgent({ 'a.js': lines(...text) });
    expect(run.read('a.js')).toBe(lines(...text));
    expect(run.answer.uses).toHaveLength(4);
    expect(run.answer.uses.every(({ migratable, note }) => !migratable && /may be negative/.test(note))).toBe(true);
    expect(run.turns.flat()).not.toContain('Edit');
  });

  it('stays where the file has a substr of its own', async () => {
    const text = lines('class Rope { substr(a) { return this.cut(a); } }', 'f(new Rope().substr(1));');
    const run = await runAgent({ 'a.js': text });
    expect(run.read('a.js')).toBe(text);
    expect(run.uses).toEqual({ 'a.js:2 String.prototype.substr': 'kept' });
  });
});

describe('Buffer', () => {
  it('becomes from or alloc where the argument shows which', async () => {
    expect(
      await migrated(
        "new Buffer('a');",
        "Buffer(x, 'hex');",
        'new Buffer(10);',
        'new Buffer(a.length * 2);',
        'new Buffer([1]);',
      ),
    ).toEqual([
      "Buffer.from('a');",
      "Buffer.from(x, 'hex');",
      'Buffer.alloc(10);',
      'Buffer.alloc(a.length * 2);',
      'Buffer.from([1]);',
    ]);
  });

  it('stays for an unknown argument, as a fallback, and where Buffer is something else', async () => {
    const text = lines('f(new Buffer(x));', "f(Buffer.from ? Buffer.from('a') : new Buffer('a'));");
    const own = lines("const Buffer = require('./ring');", 'f(new Buffer(3));');
    const run = await runAgent({ 'a.js': text, 'own.js': own });
    expect(run.read('a.js') + run.read('own.js')).toBe(text + own);
    expect(run.uses).toEqual({ 'a.js:1 new Buffer() (DEP0005)': 'kept', 'a.js:2 new Buffer() (DEP0005)': 'kept' });
  });
});

describe('members of modules', () => {
  it('are rewritten under whatever name the module has', async () => {
    expect(
      await migrated(
        "const util = require('util'), u = require('node:util');",
        "const fs = require('fs');",
        "const util_1 = __importDefault(require('util'));",
        'if (util.isArray(a) && !u.isString(a.b)) c = util_1.default.isFunction(d);',
        'const isThing = util.isObject(x) || util.isDate(x.substr(1));',
        'fs.access(p, fs.R_OK | fs.W_OK, cb);',
      ),
    ).toEqual([
      "const util = require('util'), u = require('node:util');",
      "const fs = require('fs');",
      "const util_1 = __importDefault(require('util'));",
      "if (Array.isArray(a) && !(typeof a.b === 'string')) c = (typeof d === 'function');",
      "const isThing = (x !== null && typeof x === 'object') || util.types.isDate(x.slice(1));",
      'fs.access(p, fs.constants.R_OK | fs.constants.W_OK, cb);',
    ]);
  });

  it('are no uses when the name belongs to another module, a parameter or a second binding', async () => {
    const text = lines(
      "const util = require('./util');",
      'f(util.isArray(a));',
      'function g(url) { return url.parse(a); }',
      "import { parse } from './url';",
    );
    const run = await runAgent({ 'a.js': text });
    expect(run.answer.uses).toEqual([]);
    expect(run.answer.summary).toBe('No deprecated API is used.');
    expect(run.turns).toEqual([['Grep'], ['Read'], ['StructuredOutput']]);
  });

  it('that nothing replaces one to one are reported with what has to be decided', async () => {
    const text = lines(
      "import { parse, format } from 'url';",
      "import * as fs from 'node:fs';",
      'fs.exists(p, cb);',
      'process.binding("fs");',
    );
    const run = await runAgent({ 'a.mjs': text, 'b.js': lines("const p = require('punycode');", 'f(module.parent);') });
    expect(run.read('a.mjs')).toBe(text);
    expect(run.uses).toEqual({
      'a.mjs:1 url.parse (DEP0169)': 'kept',
      'a.mjs:3 fs.exists (DEP0034)': 'kept',
      'a.mjs:4 process.binding (DEP0111)': 'kept',
      "b.js:1 require('punycode') (DEP0040)": 'kept',
      'b.js:2 module.parent (DEP0144)': 'kept',
    });
  });
});

describe('what is no code', () => {
  it('stays: comments, strings, templates, regular expressions', async () => {
    const text = lines('// s.substr(1)', "f('new Buffer(1)', `s.substr(2)`, /.substr(3)/);", 'f(`${s.substr(4)}`);');
    const run = await runAgent({ 'a.js': text });
    expect(run.read('a.js')).toBe(text.replace('{s.substr', '{s.slice'));
    expect(run.uses).toEqual({ 'a.js:3 String.prototype.substr': 'migrated' });
  });

  it('a minified, a broken and a binary file are named, not judged', async () => {
    const long = `f(s.substr(1));${'x=1;'.repeat(700)}`;
    const files = { 'min.js': long, 'broken.js': 'f(s.substr(1);\n', 'binary.js': Buffer.from('\0s.substr(1)') };
    const run = await runAgent(files);
    expect(run.read('min.js') + run.read('broken.js')).toBe(long + files['broken.js']);
    expect(run.answer.uses).toEqual([]);
    expect(run.answer.summary).toContain('broken.js (it is no JavaScript that can be parsed)');
    expect(run.answer.summary).toContain('min.js (minified or generated)');
  });
});

describe('its way of working', () => {
  it('edits equal lines apart, by the lines around them', async () => {
    const body = ['if (a) {', '  x = s.substr(1);', '}', 'if (b) {', '  x = s.substr(1);', '}'];
    expect(await migrated(...body)).toEqual(body.map((line) => line.replace('substr', 'slice')));
  });

  it('says of a place it cannot tell from others that it is left', async () => {
    const run = await runAgent({ 'a.js': 'x = s.substr(1);\n'.repeat(40) });
    const left = run.answer.uses.filter(({ migrated }) => !migrated);
    expect(run.answer.uses).toHaveLength(40);
    expect(left.every(({ migratable, note }) => migratable && note === 'no unique place')).toBe(true);
    expect(run.read('a.js').match(/substr/g) ?? []).toHaveLength(left.length);
  });

  it('reads a long file in parts and keeps its line ends and byte order mark', async () => {
    const padding = Array.from({ length: 4_500 }, (_, i) => `x${i} = ${i};`);
    const text = (call: string): string => `\ufeff${[...padding, `y = s.${call}(1);`, ...padding].join('\r\n')}\r\n`;
    const run = await runAgent({ 'a.js': text('substr') });
    expect(run.read('a.js')).toBe(text('slice'));
    expect(run.uses).toEqual({ 'a.js:4501 String.prototype.substr': 'migrated' });
    expect(run.turns.flat().filter((name) => name === 'Read')).toHaveLength(5);
  });

  it('takes many files and many edits over several turns', async () => {
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}.js`, `x = s.substr(${i});\n`]));
    const run = await runAgent(files);
    expect(run.answer.uses.filter((use) => use.migrated)).toHaveLength(20);
    expect(run.turns.map((turn) => turn.length)).toEqual([1, 6, 6, 6, 2, 12, 8, 1]);
  });

  it('reports an edit that was refused as not migrated', async () => {
    const run = await runAgent({ 'a.js': 'x = s.substr(1);\n' }, { allow: ['Read'], deny: [] });
    expect(run.read('a.js')).toBe('x = s.substr(1);\n');
    expect(run.uses).toEqual({ 'a.js:1 String.prototype.substr': 'migratable' });
    expect(run.answer.uses[0]?.note).toMatch(/^the edit was refused: /);
  });

  it('has nothing to do where nothing is suspicious', async () => {
    const run = await runAgent({ 'a.js': 'x = 1;\n', 'readme.md': 's.substr(1)\n' });
    expect(run.turns).toEqual([['Grep'], ['StructuredOutput']]);
    expect(run.answer).toEqual({ uses: [], summary: 'No deprecated API is used.' });
  });
});
