import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/**
 * Addresses that are nobody's web site. IPv4: IANA's special-purpose registry, all that is not globally reachable, and
 * the multicast and reserved space (iana.org/assignments/iana-ipv4-special-registry, read 2026-11). The first that
 * matches names the class.
 */
const SPECIAL_V4: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', 'this network (RFC 1122)'],
  ['127.0.0.0/8', 'loopback (RFC 1122)'],
  ['10.0.0.0/8', 'private (RFC 1918)'],
  ['172.16.0.0/12', 'private (RFC 1918)'],
  ['192.168.0.0/16', 'private (RFC 1918)'],
  ['100.64.0.0/10', 'shared by carriers (RFC 6598)'],
  ['169.254.0.0/16', 'link-local (RFC 3927)'],
  ['192.0.0.0/24', 'protocol assignments (RFC 6890)'],
  ['192.0.2.0/24', 'documentation (RFC 5737)'],
  ['198.51.100.0/24', 'documentation (RFC 5737)'],
  ['203.0.113.0/24', 'documentation (RFC 5737)'],
  ['192.88.99.0/24', 'a 6to4 relay (RFC 7526)'],
  ['198.18.0.0/15', 'benchmarks (RFC 2544)'],
  ['224.0.0.0/4', 'multicast (RFC 5771)'],
  ['255.255.255.255/32', 'broadcast (RFC 919)'],
  ['240.0.0.0/4', 'reserved (RFC 1112)'],
];

/** IPv6: the forms that carry an IPv4 address, and what of 2000::/3 is no site; all outside 2000::/3 is refused anyway. */
const SPECIAL_V6: readonly (readonly [string, string])[] = [
  ['::1/128', 'loopback (RFC 4291)'],
  ['::ffff:0:0/96', 'an IPv4-mapped address (RFC 4291)'],
  ['::/96', 'an IPv4-compatible address (RFC 4291)'],
  ['::ffff:0:0:0/96', 'an IPv4-translated address (RFC 2765)'],
  ['64:ff9b::/96', 'NAT64 (RFC 6052)'],
  ['64:ff9b:1::/48', 'NAT64 (RFC 8215)'],
  ['100::/64', 'discarded (RFC 6666)'],
  ['2001::/32', 'Teredo (RFC 4380)'],
  ['2001:10::/28', 'ORCHID (RFC 4843)'],
  ['2001:20::/28', 'ORCHID (RFC 7343)'],
  ['2001::/23', 'protocol assignments (RFC 2928)'],
  ['2001:db8::/32', 'documentation (RFC 3849)'],
  ['3fff::/20', 'documentation (RFC 9637)'],
  ['2002::/16', '6to4 (RFC 3056)'],
  ['3ffe::/16', 'the 6bone, given back (RFC 3701)'],
  ['fc00::/7', 'private (RFC 4193)'],
  ['fe80::/10', 'link-local (RFC 4291)'],
  ['fec0::/10', 'site-local (RFC 3879)'],
  ['ff00::/8', 'multicast (RFC 4291)'],
];

/** Where clouds hand their credentials to whoever asks: refused even when the operator allows the network around it. */
const METADATA: readonly (readonly [string, string])[] = [
  ['169.254.169.254/32', 'cloud metadata (AWS, Azure, Google and others)'],
  ['169.254.170.2/32', 'cloud metadata (AWS, credentials of containers)'],
  ['169.254.170.23/32', 'cloud metadata (AWS, credentials of pods)'],
  ['fd00:ec2::254/128', 'cloud metadata (AWS)'],
  ['fd00:ec2::23/128', 'cloud metadata (AWS, credentials of pods)'],
  ['fd20:ce::254/128', 'cloud metadata (Google)'],
  ['100.100.100.200/32', 'cloud metadata (Alibaba)'],
  ['168.63.129.16/32', 'cloud metadata (Azure, its host)'],
];

const globalV6 = networks(['2000::/3']);
const metadata = METADATA.map(named);
const special = [...SPECIAL_V4, ...SPECIAL_V6].map(named);

/** What may be dialled. */
export interface AddressRules {
  /** Why nothing may be sent to this address, as a noun phrase; undefined: it may be dialled. Never throws. */
  fault(address: string): string | undefined;
  /** The operator named its network: other ports than the web's are fine too. */
  isInternal(address: string): boolean;
}

/** `internal`: networks (`10.1.0.0/16`, or one address) allowed though they are special. Throws on one that is none. */
export function createAddressRules(internal: readonly string[]): AddressRules {
  const allowed = networks(internal);
  return {
    isInternal: (address) => allowed.has(address),
    fault(address) {
      if (isIP(address) === 0 || address.includes('%')) return 'no plain address';
      const cloud = metadata.find(({ network }) => network.has(address));
      if (cloud) return cloud.name;
      if (allowed.has(address)) return undefined;
      const known = special.find(({ network }) => network.has(address));
      if (known) return known.name;
      if (isIP(address) === 6 && !globalV6.has(address)) return 'reserved (RFC 4291)';
      return isOwn(address) ? 'an address of this machine' : undefined;
    },
  };
}

/** A service of the worker's own host must not be reachable by its public address either. Read anew, for they change; unreadable, any might be one. */
function isOwn(address: string): boolean {
  try {
    const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    return networks(own.map((each) => each.address.replace(/%.*/, ''))).has(address);
  } catch {
    return true;
  }
}

function named([cidr, name]: readonly [string, string]): { network: { has(address: string): boolean }; name: string } {
  return { network: networks([cidr]), name };
}

/**
 * One list for each family: `BlockList` finds an IPv4 network also by the mapped spelling of its members
 * (`::ffff:10.0.0.1`) and the other way round, but as a destination that spelling is a class of its own.
 */
function networks(cidrs: readonly string[]): { has(address: string): boolean } {
  const lists = { 4: new BlockList(), 6: new BlockList() };
  for (const cidr of cidrs) {
    const [address = '', bits, ...rest] = cidr.split('/');
    const family = isIP(address);
    const longest = family === 4 ? 32 : 128;
    const isPrefix = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest);
    if ((family !== 4 && family !== 6) || !isPrefix || rest.length > 0 || address.includes('%'))
      throw new TypeError(`${JSON.stringify(cidr)} is no network; write one like "10.1.0.0/16" or "fd00:1::/32".`);
    lists[family].addSubnet(address, bits === undefined ? longest : Number(bits), `ipv${family}`);
  }
  return {
    has(address) {
      const family = isIP(address);
      return (family === 4 || family === 6) && lists[family].check(address, `ipv${family}`);
    },
  };
}
