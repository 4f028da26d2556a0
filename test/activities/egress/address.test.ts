import { networkInterfaces } from 'node:os';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAddressRules } from '../../../activities/egress/address.ts';
import { destinationOf, literalAddress } from '../../../activities/egress/destination.ts';

const rules = createAddressRules([]);

describe('addresses', () => {
  test.each([
    ['127.0.0.1', /loopback/],
    ['127.255.255.254', /loopback/],
    ['0.0.0.0', /this network/],
    ['10.0.0.1', /private/],
    ['172.16.0.1', /private/],
    ['172.31.255.255', /private/],
    ['192.168.1.1', /private/],
    ['100.64.0.1', /carriers/],
    ['169.254.1.1', /link-local/],
    ['169.254.169.254', /metadata/],
    ['169.254.170.2', /metadata/],
    ['100.100.100.200', /metadata.*Alibaba/],
    ['168.63.129.16', /metadata.*Azure/],
    ['192.0.0.8', /protocol/],
    ['192.0.2.1', /documentation/],
    ['198.51.100.1', /documentation/],
    ['203.0.113.1', /documentation/],
    ['192.88.99.1', /6to4/],
    ['198.18.0.1', /benchmarks/],
    ['224.0.0.1', /multicast/],
    ['239.255.255.255', /multicast/],
    ['240.0.0.1', /reserved/],
    ['255.255.255.255', /broadcast/],
    ['::', /compatible/],
    ['::1', /loopback/],
    ['::127.0.0.1', /compatible/],
    ['::ffff:127.0.0.1', /mapped/],
    ['::ffff:8.8.8.8', /mapped/],
    ['::ffff:7f00:1', /mapped/],
    ['0:0:0:0:0:ffff:7f00:1', /mapped/],
    ['::ffff:0:127.0.0.1', /translated/],
    ['64:ff9b::7f00:1', /NAT64/],
    ['64:ff9b:1::7f00:1', /NAT64/],
    ['100::1', /discarded/],
    ['2001::1', /Teredo/],
    ['2001:10::1', /ORCHID/],
    ['2001:20::1', /ORCHID/],
    ['2001:2::1', /protocol/],
    ['2001:db8::1', /documentation/],
    ['3fff::1', /documentation/],
    ['2002:7f00:1::', /6to4/],
    ['3ffe::1', /6bone/],
    ['fc00::1', /private/],
    ['fd00:ec2::254', /metadata.*AWS/],
    ['fd20:ce::254', /metadata.*Google/],
    ['fe80::1', /link-local/],
    ['fe80::1%eth0', /no plain address/],
    ['fec0::1', /site-local/],
    ['ff02::1', /multicast/],
    ['4000::1', /reserved/],
    ['5f00::1', /reserved/],
    ['localhost', /no plain address/],
    ['2130706433', /no plain address/],
    ['', /no plain address/],
  ])('of no web site are refused and named: %s', (address, name) => {
    expect(rules.fault(address)).toMatch(name);
  });

  test.each([
    '1.1.1.1',
    '93.184.215.14',
    '100.63.255.255',
    '100.128.0.1',
    '172.15.255.255',
    '172.32.0.1',
    '168.63.129.17',
  ])('of the public web may be dialled: %s', (address) => expect(rules.fault(address)).toBeUndefined());

  test.each(['2606:4700:4700::1111', '2001:4860:4860::8888', '2a00:1450:4001::1', '2620:fe::fe'])(
    'of the public web may be dialled: %s',
    (address) => expect(rules.fault(address)).toBeUndefined(),
  );

  test('of this machine are refused, the public ones too', () => {
    const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    expect(own.length).toBeGreaterThan(0);
    for (const { address } of own) expect(rules.fault(address)).toBeDefined();
  });
});

describe('networks the operator allows', () => {
  const allowing = createAddressRules(['10.1.0.0/16', 'fd00:1::/32', '127.0.0.1']);

  test('may be dialled, and nothing beside them', () => {
    expect(allowing.fault('10.1.2.3')).toBeUndefined();
    expect(allowing.fault('fd00:1::5')).toBeUndefined();
    expect(allowing.fault('127.0.0.1')).toBeUndefined();
    expect(allowing.fault('10.2.0.1')).toMatch(/private/);
    expect(allowing.fault('127.0.0.2')).toMatch(/loopback/);
    expect(allowing.isInternal('10.1.2.3')).toBe(true);
    expect(allowing.isInternal('1.1.1.1')).toBe(false);
  });

  test('are not reached by a spelling that hides an address', () => {
    expect(allowing.fault('::ffff:10.1.2.3')).toMatch(/mapped/);
    expect(allowing.fault('::10.1.2.3')).toMatch(/compatible/);
  });

  test('never hold the metadata of a cloud', () => {
    const all = createAddressRules(['0.0.0.0/0', '::/0']);
    expect(all.fault('169.254.169.254')).toMatch(/metadata/);
    expect(all.fault('fd00:ec2::254')).toMatch(/metadata/);
    expect(all.fault('10.0.0.1')).toBeUndefined();
  });

  test.each(['10.0.0.0/33', '10.0.0.0/', 'localhost', '10.0.0.0/8/8', '', 'fd00::/129', '10.0.0.0/-1', '10.0.0.0/8x'])(
    'that are none are an error that says how to write one: %j',
    (network) => expect(() => createAddressRules([network])).toThrow(/write one like "10\.1\.0\.0\/16"/),
  );
});

/** First and last of what must be refused, as numbers: written down apart from the table of the room. */
const FORBIDDEN: readonly (readonly [number, number])[] = [
  [0x00000000, 0x00ffffff],
  [0x0a000000, 0x0affffff],
  [0x64400000, 0x647fffff],
  [0x7f000000, 0x7fffffff],
  [0xa9fe0000, 0xa9feffff],
  [0xac100000, 0xac1fffff],
  [0xc0a80000, 0xc0a8ffff],
  [0xe0000000, 0xffffffff],
];
const forbidden = fc.constantFrom(...FORBIDDEN).chain(([first, last]) => fc.integer({ min: first, max: last }));
const part = (n: number, style: number): string =>
  [n.toString(10), `0x${n.toString(16)}`, `0${n.toString(8)}`, `0X${n.toString(16).toUpperCase()}`][style % 4]!;
const FULL_WIDTH = (text: string): string =>
  text.replace(/[0-9]/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))).replace(/\./g, '。');

test('no spelling of a forbidden IPv4 address gets through (100,000 of them)', () => {
  const spelled = fc
    .tuple(
      forbidden,
      fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      fc.boolean(),
    )
    .map(([n, styles, parts, isWide, hasDot]) => {
      const octets = [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
      const head = octets.slice(0, parts - 1);
      const tail = octets.slice(parts - 1).reduce((sum, octet) => sum * 256 + octet, 0);
      const text = [...head, tail].map((each, i) => part(each, styles[i]!)).join('.') + (hasDot ? '.' : '');
      return isWide ? FULL_WIDTH(text) : text;
    });
  fc.assert(
    fc.property(spelled, (host) => {
      const literal = literalAddress(destinationOf(new URL(`http://${host}/`)).host);
      return literal !== undefined && rules.fault(literal) !== undefined;
    }),
    { numRuns: 100_000 },
  );
});

test('an IPv6 address that carries a forbidden IPv4 one does not get through', () => {
  const prefix = fc.constantFrom('::ffff:', '::', '::ffff:0:', '64:ff9b::', '64:ff9b:1::', '2001:0:');
  fc.assert(
    fc.property(forbidden, prefix, (n, start) => {
      const end = `${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}`;
      const address = start === '2001:0:' ? `2001:0:0:0:0:0:${end}` : `${start}${end}`;
      return rules.fault(address) !== undefined;
    }),
    { numRuns: 10_000 },
  );
});
