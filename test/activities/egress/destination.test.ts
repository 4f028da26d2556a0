import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { destinationOf, destinationOfAuthority, literalAddress } from '../../../activities/egress/destination.ts';

describe('a destination', () => {
  test.each([
    ['http://Example.COM/x', 'example.com', 80],
    ['https://example.com./', 'example.com', 443],
    ['https://example.com:8443/', 'example.com', 8443],
    ['https://bücher.example/', 'xn--bcher-kva.example', 443],
    ['http://ｅｘａｍｐｌｅ.com/', 'example.com', 80],
    ['http://0x7f.1/', '127.0.0.1', 80],
    ['http://[::FFFF:127.0.0.1]/', '[::ffff:7f00:1]', 80],
    ['https://evil.test\\@example.com/', 'evil.test', 443],
    ['https://example.com#@evil.test/', 'example.com', 443],
    ['https://a_b.example.com/', 'a_b.example.com', 443],
  ])('of %s is %s', (url, host, port) => {
    expect(destinationOf(new URL(url))).toMatchObject({ host, port });
  });

  test.each([
    ['https://example.com@evil.test/', /user name/],
    ['https://:secret@example.com/', /user name/],
    ['ftp://example.com/', /ftp: is not spoken/],
    ['file:///etc/passwd', /file: is not spoken/],
    ['data:text/plain,x', /data: is not spoken/],
    ['http://*.example.com/', /no host name/],
    ['http://a$b.example.com/', /no host name/],
    ['http://a..b/', /no host name/],
    ['http://example.com../', /no host name/],
    [`http://${'a'.repeat(64)}.com/`, /no host name/],
    [`http://${'a.'.repeat(130)}com/`, /no host name/],
  ])('is refused with the reason: %s', (url, reason) => {
    expect(() => destinationOf(new URL(url))).toThrow(
      expect.objectContaining({ reason: 'HOST_DENIED', message: expect.stringMatching(reason) }),
    );
  });

  test.each([
    ['Example.com:443', 'example.com'],
    ['example.com.:443', 'example.com'],
    ['[::1]:443', '[::1]'],
    ['2130706433:443', '127.0.0.1'],
  ])('of CONNECT %s is %s', (authority, host) => {
    expect(destinationOfAuthority(authority)).toEqual({ host, port: 443, isSecure: true });
  });

  test.each([
    'example.com',
    'example.com:',
    'a@example.com:443',
    'example.com:443/x',
    'example.com:99999',
    '::1:443',
    ':443',
    '',
    'evil.test\\example.com:443',
  ])('of CONNECT %j is refused', (authority) =>
    expect(() => destinationOfAuthority(authority)).toThrow(expect.objectContaining({ reason: 'HOST_DENIED' })),
  );
});

test('a host is either refused or the very one the URL standard reads, in letters no rule takes for a pattern (100,000)', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'granted.test',
      'evil.test',
      '127.0.0.1',
      'xn--',
      '[::1]',
      'localhost',
      'ｇranted',
      '。',
      '%2e',
      '%00',
    ),
    fc.constantFrom('.', '@', '\\', '/', '#', '?', ':', ':80', '%', '*', ' ', '\t', '\u00ad', '\u200d', '-', '_'),
    fc.string({ maxLength: 4, unit: 'grapheme' }),
  );
  const url = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => `http://${pieces.join('')}/`);
  fc.assert(
    fc.property(url, (text) => {
      if (!URL.canParse(text)) return true;
      const read = new URL(text);
      let host: string;
      try {
        ({ host } = destinationOf(read));
      } catch (error) {
        return error instanceof Error && error.name === 'EgressDenied';
      }
      const isSame = host === read.hostname || `${host}.` === read.hostname;
      return isSame && (literalAddress(host) !== undefined || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(host));
    }),
    { numRuns: 100_000 },
  );
});
