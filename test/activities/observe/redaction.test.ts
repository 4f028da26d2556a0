import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createRedactor, redactDeep, secretKind } from '../../../activities/observe/redaction.ts';

const SECRET = 'c4n4ry/S3cret+value=="with quotes"';
const redact = createRedactor([SECRET, 'short']);

test.each([
  ['as it is', SECRET],
  ['in other case', SECRET.toUpperCase()],
  ['in hex', Buffer.from(SECRET).toString('hex')],
  ['in capital hex', Buffer.from(SECRET).toString('hex').toUpperCase()],
  ['percent-encoded where needed', encodeURIComponent(SECRET)],
  ['percent-encoded throughout', [...Buffer.from(SECRET)].map((byte) => `%${byte.toString(16)}`).join('')],
  ['inside JSON', JSON.stringify({ key: SECRET })],
])('hides a known secret %s', (_, text) => {
  const hidden = redact(`before ${text} after`);
  expect(hidden).toContain('[hidden]');
  expect(hidden).toMatch(/^before .*after$/s);
  expect(hidden).not.toContain(text);
});

test('hides a known secret in base64 at every offset, in both alphabets', () => {
  for (let before = 0; before < 6; before++) {
    const bytes = Buffer.from(`${'x'.repeat(before)}${SECRET}tail`);
    for (const text of [bytes.toString('base64'), bytes.toString('base64url')]) {
      const hidden = redact(text);
      expect(hidden).toContain('[hidden]');
      expect(Buffer.from(hidden.replace('[hidden]', ''), 'base64').toString('latin1')).not.toContain('S3cret');
    }
  }
});

test('leaves alone what is too short to be told from ordinary text', () => {
  expect(redact('a short text')).toBe('a short text');
});

const TOKENS: readonly [kind: string, token: string][] = [
  ['Anthropic key', `sk-ant-api03-${'a1-_'.repeat(10)}`],
  ['GitHub token', `ghp_${'a1B2'.repeat(9)}`],
  ['GitHub token', `github_pat_${'a1B2_'.repeat(10)}`],
  ['GitLab token', `glpat-${'a1-_'.repeat(5)}`],
  ['AWS access key', 'AKIAIOSFODNN7EXAMPLE'],
  ['Slack token', 'xoxb-123456789012-abcdef'],
  ['npm token', `npm_${'a1B2'.repeat(9)}`],
  ['Stripe key', ['sk', 'live', '4eC39HqLyjWDarjtT1zdp7dc'].join('_')],
  ['JSON web token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.dozjgNryP4J3jVmNHl0w'],
  [
    'private key',
    `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n${'MIIabc\n'.repeat(9)}-----END RSA PRIVATE KEY-----`,
  ],
  ['password in a URL', 'https://bot:hunter2hunter2@example.com/a.git'],
];

test.each(TOKENS)('knows a %s by its form', (kind, token) => {
  expect(secretKind(`x ${token} y`)).toBe(kind);
  expect(createRedactor([])(`x ${token} y`)).toMatch(/^x (https:\/\/bot:)?\[hidden\](@example\.com\/a\.git)? y$/);
});

test.each([
  'https://example.com/a:b@c',
  'the task-runner and sk-ant are words',
  'AKIA is a prefix',
  '-----BEGIN PUBLIC KEY-----\nMIIabcdefghijklmnopqrstuvwxyz\n-----END PUBLIC KEY-----',
  'const eyJ = 1',
])('takes %s for no secret', (text) => {
  expect(secretKind(text)).toBeUndefined();
  expect(createRedactor([])(text)).toBe(text);
});

test('works in time linear in a hostile text', () => {
  const hostile = ['-eyJ', '-----BEGIN PRIVATE KEY-----', '://a:', 'ghp_', 'SG.', '%4'].map((part) =>
    part.repeat(Math.ceil(200_000 / part.length)),
  );
  // Only that it ends: a quadratic form would take minutes and run into the test's timeout.
  for (const text of hostile) expect(typeof redact(text)).toBe('string');
});

test('reaches into objects and lists, and leaves other values as they are', () => {
  const value = { a: [SECRET, 1, null, { b: `x${SECRET}` }], c: true };
  expect(redactDeep(value, redact)).toEqual({ a: ['[hidden]', 1, null, { b: 'x[hidden]' }], c: true });
});

test('does not claim to see through compression', () => {
  const packed = gzipSync(SECRET).toString('latin1');
  expect(redact(packed)).toBe(packed);
});
