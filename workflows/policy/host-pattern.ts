import { coversWildcard, matchesWildcard, readWildcard, type Wildcard } from './wildcard.ts';

/** The host of a rule `WebFetch(domain:host)`. Hosts are compared as WHATWG URL spells them, without a trailing dot. */
export interface HostPattern {
  /** It began with `*.`: any number of labels, at least one, stands before `labels`. */
  anyDepth: boolean;
  labels: readonly Wildcard[];
  /** Without a star it names one host, and only so can it name an address. */
  isLiteral: boolean;
}

/**
 * undefined: no host, or none in the spelling hosts are compared in: a URL, a port, an address in other than its usual
 * form, letters beyond ASCII (their form is `xn--…`), an empty label.
 */
export function parseHost(text: string): HostPattern | undefined {
  if (!/^[!-~]+$/.test(text)) return undefined;
  const host = text.toLowerCase().replace(/\.$/, '');
  if (/^\[[0-9a-f:.]+\]$/.test(host)) return { anyDepth: false, labels: [[host]], isLiteral: true };
  if (!/^[a-z0-9_*-]{1,63}(\.[a-z0-9_*-]{1,63})*$/.test(host) || host.length > 253) return undefined;
  if (endsInNumber(host) && !isAddress(host)) return undefined;
  const anyDepth = host.startsWith('*.');
  const labels = host.slice(anyDepth ? 2 : 0).split('.');
  return { anyDepth, labels: labels.map(readWildcard), isLiteral: !host.includes('*') };
}

/** `host`: canonical. A star stands for no address, unless `addressesToo`. */
export function matchesHost(pattern: HostPattern, host: string, addressesToo = false): boolean {
  if (host.startsWith('[')) return pattern.isLiteral && pattern.labels[0]?.[0] === host;
  if (!pattern.isLiteral && !addressesToo && isAddress(host)) return false;
  const labels = host.split('.');
  const extra = labels.length - pattern.labels.length;
  if (pattern.anyDepth ? extra < 1 : extra !== 0) return false;
  return pattern.labels.every((label, index) => matchesWildcard(label, labels[index + extra]!));
}

/** Whether every host of `narrow` is one of `wide`; false is no proof of the opposite. */
export function coversHost(wide: HostPattern, narrow: HostPattern): boolean {
  if (narrow.isLiteral) return matchesHost(wide, narrow.labels.map(([label]) => label).join('.'));
  if (wide.isLiteral) return false;
  const extra = narrow.labels.length - wide.labels.length;
  if (wide.anyDepth ? extra < (narrow.anyDepth ? 0 : 1) : extra !== 0 || narrow.anyDepth) return false;
  return wide.labels.every((label, index) => coversWildcard(label, narrow.labels[index + extra]!));
}

/** Whether it can be the host of a request at all: lower case, no port, no trailing dot, addresses as URL writes them. */
export function isCanonicalHost(host: string): boolean {
  if (host.length > 253) return false;
  if (host.startsWith('[')) return /^\[[0-9a-f:.]+\]$/.test(host);
  return (
    /^[^\0-\x20A-Z/:?#@[\]\\\x7f-\uffff]+$/.test(host) &&
    !host.endsWith('.') &&
    (!endsInNumber(host) || isAddress(host))
  );
}

const endsInNumber = (host: string): boolean => /(^|\.)(\d+|0x[0-9a-f]*)$/.test(host);
const isAddress = (host: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(host) &&
  host.split('.').every((part) => String(Number(part)) === part && Number(part) < 256);
