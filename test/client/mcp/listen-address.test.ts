import { expect, it } from 'vitest';
import { readListenAddress, urlHost } from '../../../client/mcp/listen-address.ts';

it.each([
  ['7400', '127.0.0.1', 7400],
  ['0', '127.0.0.1', 0],
  ['localhost:80', 'localhost', 80],
  ['127.0.0.2:1', '127.0.0.2', 1],
  ['[::1]:7400', '::1', 7400],
])('listens on %s', (text, host, port) => {
  expect(readListenAddress(text, false)).toEqual({ host, port });
});

it.each(['', 'a', '1:2:3', '::1:80', '[x]:1', '127.0.0.1:', ':80', '127.0.0.1:65536', '[::1]'])(
  'refuses %j, which is no address',
  (text) => {
    expect(() => readListenAddress(text, true)).toThrow('is no address');
  },
);

it.each(['0.0.0.0:1', '[::]:1', '192.168.0.7:1', 'example.test:1', '127.0.0.1.evil.test:1', '128.0.0.1:1'])(
  'listens on %s, where others reach it, only when told to',
  (text) => {
    expect(() => readListenAddress(text, false)).toThrow(expect.objectContaining({ exitCode: 2 }));
    expect(readListenAddress(text, true).port).toBe(1);
  },
);

it('spells IPv6 as URLs do', () => {
  expect([urlHost('::1'), urlHost('127.0.0.1'), urlHost('a.test')]).toEqual(['[::1]', '127.0.0.1', 'a.test']);
});
