import { expect, test } from 'vitest';
import { validateOutput } from '../../../activities/tools/structured-output.ts';

const SCHEMA = {
  type: 'object',
  required: ['path', 'verdict'],
  additionalProperties: false,
  properties: {
    path: { type: 'string', minLength: 1 },
    verdict: { enum: ['keep', 'remove'] },
    when: { type: 'string', format: 'date-time' },
    lines: { type: 'array', items: { type: 'integer', minimum: 1 }, uniqueItems: true },
    why: { const: 'x' },
  },
};

test('a value that fits comes back as it is', () => {
  const value = { path: 'a', verdict: 'keep', when: '2026-11-24T15:00:00Z', lines: [1, 2] };
  expect(validateOutput(SCHEMA, value)).toEqual({ ok: true, value });
});

test.each<[unknown, string[]]>([
  [{ path: 'a' }, ['the output lacks the property "verdict"']],
  [{ path: '', verdict: 'keep' }, ['/path must NOT have fewer than 1 characters']],
  [{ path: 'a', verdict: 'maybe' }, ['/verdict must be one of "keep", "remove"']],
  [{ path: 1, verdict: 'keep' }, ['/path must be of type string']],
  [{ path: 'a', verdict: 'keep', extra: 1 }, ['the output has the property "extra", which the schema does not know']],
  [{ path: 'a', verdict: 'keep', when: 'today' }, ['/when must match format "date-time"']],
  [{ path: 'a', verdict: 'keep', lines: [0, 1.5] }, ['/lines/0 must be >= 1', '/lines/1 must be of type integer']],
  [{ path: 'a', verdict: 'keep', why: 'y' }, ['/why must be "x"']],
  [{}, ['the output lacks the property "path"', 'the output lacks the property "verdict"']],
  ['text', ['the output must be of type object']],
  [null, ['the output must be of type object']],
])('%j is told what to correct', (value, errors) => {
  expect(validateOutput(SCHEMA, value)).toEqual({ ok: false, errors });
});

test('words of 2020-12 hold: prefixItems, unevaluatedProperties, $defs, dependentRequired', () => {
  const schema = {
    type: 'object',
    $defs: { pair: { prefixItems: [{ type: 'string' }, { type: 'number' }], items: false } },
    properties: { pair: { $ref: '#/$defs/pair' } },
    dependentRequired: { pair: ['unit'] },
    anyOf: [{ properties: { unit: { type: 'string' } } }],
    unevaluatedProperties: false,
  };
  expect(validateOutput(schema, { pair: ['a', 1], unit: 'm' }).ok).toBe(true);
  expect(validateOutput(schema, { pair: ['a', 'b'], unit: 'm' }).ok).toBe(false);
  expect(validateOutput(schema, { pair: ['a', 1] }).ok).toBe(false);
  expect(validateOutput(schema, { unit: 'm', more: 1 }).ok).toBe(false);
});

test('names of the prototype are not there unless they were sent', () => {
  const schema = { type: 'object', required: ['toString', '__proto__'] };
  expect(validateOutput(schema, {}).ok).toBe(false);
  expect(validateOutput(schema, JSON.parse('{"toString":1,"__proto__":2}')).ok).toBe(true);
});

test('many faults are counted, not listed', () => {
  const schema = { type: 'object', properties: { n: { type: 'array', items: { type: 'number' } } } };
  const check = validateOutput(schema, { n: Array.from({ length: 500 }, () => 'x') });
  expect(check.ok ? [] : [check.errors.length, check.errors.at(-1)]).toEqual([21, 'and 480 more faults']);
});

test.each<[string, Record<string, unknown>]>([
  ['a reference elsewhere', { type: 'object', properties: { a: { $ref: 'https://example.com/schema.json' } } }],
  ['a dangling reference', { type: 'object', properties: { a: { $ref: '#/$defs/none' } } }],
  ['a wrong type', { type: 'objekt' }],
  ['a broken pattern', { type: 'object', properties: { a: { pattern: '(' } } }],
  ['too much text', { type: 'object', description: 'x'.repeat(300_000) }],
])('a schema with %s is said to be unusable, soon', (_, schema) => {
  const start = performance.now();
  const check = validateOutput(schema, {});
  expect(check.ok ? [] : check.errors).toEqual([expect.stringMatching(/^the output schema cannot be used: /)]);
  expect(performance.now() - start).toBeLessThan(5_000);
});

test('a schema made to take for ever is given up after about a second', () => {
  const backtracks = { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } };
  const start = performance.now();
  const check = validateOutput(backtracks, { a: `${'a'.repeat(60)}!` });
  expect(check).toEqual({
    ok: false,
    errors: ['the output could not be checked in time; make it shorter and simpler'],
  });
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(validateOutput(backtracks, { a: 'aaa' }).ok).toBe(true);
});

test('two schemas of one $id do not meet, and a known schema is not compiled again', () => {
  const one = { $id: 'https://example.com/x', type: 'object', required: ['a'] };
  const two = { $id: 'https://example.com/x', type: 'object', required: ['b'] };
  expect([validateOutput(one, { a: 1 }).ok, validateOutput(two, { a: 1 }).ok]).toEqual([true, false]);
  const start = performance.now();
  for (let i = 0; i < 1_000; i++) validateOutput(structuredClone(SCHEMA), { path: 'a', verdict: 'keep' });
  expect(performance.now() - start).toBeLessThan(10_000);
});
