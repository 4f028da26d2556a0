import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { patternInstance } from '../../../client/simulated/pattern-instance.ts';
import { seededRandom } from '../../../client/simulated/random.ts';
import { schemaInstance } from '../../../client/simulated/schema-instance.ts';

const object = (properties: object, more: object = {}) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more,
});

const SCHEMAS: [string, object][] = [
  [
    'plain types',
    object({
      a: { type: 'string' },
      b: { type: 'integer' },
      c: { type: 'number' },
      d: { type: 'boolean' },
      e: { type: 'null' },
    }),
  ],
  ['const and enum', object({ kind: { const: 'bug' }, level: { enum: ['low', 'high', 3, null] } })],
  [
    'nested objects and lists',
    object({
      findings: {
        type: 'array',
        minItems: 3,
        items: object({ file: { type: 'string' }, line: { type: 'integer', minimum: 1 } }),
      },
    }),
  ],
  [
    'optional properties',
    { type: 'object', properties: { a: { type: 'string' }, b: { type: 'integer' } }, additionalProperties: false },
  ],
  [
    'lengths',
    object({
      short: { type: 'string', maxLength: 4 },
      long: { type: 'string', minLength: 40 },
      exact: { type: 'string', minLength: 7, maxLength: 7 },
    }),
  ],
  [
    'bounds',
    object({
      a: { type: 'integer', minimum: 5, maximum: 5 },
      b: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
      c: { type: 'integer', multipleOf: 7, minimum: 50 },
      d: { type: 'number', maximum: -3.5 },
      e: { type: 'integer', exclusiveMinimum: 9, exclusiveMaximum: 11 },
      f: { type: 'number', minimum: 0.25, maximum: 0.3 },
    }),
  ],
  [
    'formats',
    object(
      Object.fromEntries(
        [
          'date-time',
          'date',
          'time',
          'duration',
          'email',
          'hostname',
          'ipv4',
          'ipv6',
          'uri',
          'uri-reference',
          'uuid',
          'regex',
          'json-pointer',
        ].map((format) => [format, { type: 'string', format }]),
      ),
    ),
  ],
  [
    'patterns',
    object({
      sha: { type: 'string', pattern: '^[0-9a-f]{40}$' },
      version: { type: 'string', pattern: '^v?\\d+\\.\\d+(\\.\\d+)?$' },
      path: { type: 'string', pattern: '^(src|lib)/[\\w.-]+\\.(ts|js)$' },
      free: { type: 'string', pattern: 'CVE-\\d{4}-\\d{4,7}', minLength: 16 },
    }),
  ],
  [
    'anyOf and oneOf',
    object({
      a: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      b: { oneOf: [object({ ok: { const: true } }), object({ ok: { const: false } })] },
    }),
  ],
  [
    'allOf',
    {
      type: 'object',
      allOf: [
        { properties: { a: { type: 'string' } }, required: ['a'] },
        { properties: { b: { type: 'integer' } }, required: ['b'] },
      ],
    },
  ],
  [
    'local references',
    {
      $defs: {
        'a/b': { type: 'object', properties: { n: { $ref: '#/$defs/count' } }, required: ['n'] },
        count: { type: 'integer', minimum: 3 },
      },
      ...object({ x: { $ref: '#/$defs/a~1b' } }),
    },
  ],
  [
    'a recursive tree',
    {
      $defs: {
        node: {
          type: 'object',
          properties: {
            name: { type: 'string' },
            children: { type: 'array', items: { $ref: '#/$defs/node' } },
            next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] },
          },
          required: ['name', 'children', 'next'],
        },
      },
      $ref: '#/$defs/node',
    },
  ],
  [
    'a reference to the root',
    { type: 'object', properties: { sub: { $ref: '#' }, n: { type: 'integer' } }, required: ['n'] },
  ],
  [
    'unique items and tuples',
    object({
      set: { type: 'array', items: { type: 'string', enum: ['a', 'b', 'c', 'd'] }, minItems: 3, uniqueItems: true },
      pair: { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }], items: false, minItems: 2 },
    }),
  ],
  ['a map', { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 2 }],
  ['several types', object({ a: { type: ['null', 'integer'] }, b: { type: ['string', 'null'] } })],
  ['no types', object({ a: {}, b: { properties: { c: { minimum: 2 } }, required: ['c'] }, d: true })],
  ['defaults', object({ mode: { type: 'string', default: 'fast' } })],
];

describe('an instance', () => {
  it.each(SCHEMAS)('of a schema with %s is valid, whatever the seed', (_, schema) => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const validate = ajv.compile(schema);
    for (let seed = 0; seed < 25; seed += 1) {
      const instance = schemaInstance(schema, seededRandom(String(seed)));
      expect(validate(instance), `${JSON.stringify(instance)} ${ajv.errorsText(validate.errors)}`).toBe(true);
    }
  });

  it('is the same for the same seed and differs over seeds', () => {
    const schema = object({ n: { type: 'integer', minimum: 0 }, text: { type: 'string' } });
    expect(schemaInstance(schema, seededRandom('a'))).toEqual(schemaInstance(schema, seededRandom('a')));
    const seen = new Set(
      Array.from({ length: 10 }, (_, n) => JSON.stringify(schemaInstance(schema, seededRandom(`${n}`)))),
    );
    expect(seen.size).toBeGreaterThan(5);
  });

  it('names files that are there, each once, where properties are called so', () => {
    const found = { type: 'array', items: object({ file: { type: 'string' }, why: { type: 'string' } }) };
    const schema = object({ found, directories: { type: 'array', items: { type: 'string' } } });
    const files = ['src/a.ts', 'lib/b.ts', 'c.ts', 'lib/d.ts'];
    const instance = schemaInstance(schema, seededRandom('paths'), files) as {
      found: { file: string }[];
      directories: string[];
    };
    expect(new Set(instance.found.map(({ file }) => file)).size).toBe(3);
    expect(files).toEqual(expect.arrayContaining(instance.found.map(({ file }) => file)));
    expect(instance.directories.toSorted()).toEqual(['.', 'lib', 'src']);
    expect(schemaInstance(schema, seededRandom('paths'))).toMatchObject({
      found: [{ file: expect.stringMatching(/^simulated/) as string }],
    });
  });

  it('ends where a schema refers to itself alone', () => {
    expect(() => schemaInstance({ $ref: '#' }, seededRandom(''))).not.toThrow();
    expect(() => schemaInstance({ $ref: '#/nowhere' }, seededRandom(''))).not.toThrow();
  });
});

describe('a text for a pattern', () => {
  it.each([
    '^a+b*c?$',
    '^(?:x|yy){2,3}$',
    '^[^a-y]$',
    '^\\w{3}\\s\\d$',
    '^[A-Z]{2}-(?<n>\\d+)$',
    '^\\/[a-c]*$',
    '.{5}',
    '^$',
    '\\bword\\b',
  ])('fits %s', (pattern) => {
    for (let seed = 0; seed < 20; seed += 1) {
      expect(patternInstance(pattern, seededRandom(String(seed)))).toMatch(new RegExp(pattern, 'u'));
    }
  });

  it.each(['^(?=a)b$', '(a)\\1', '[', '^\\p{Lu}$'])('is not made up for %s, which is beyond it', (pattern) => {
    expect(patternInstance(pattern, seededRandom('s'))).toBeUndefined();
  });
});
