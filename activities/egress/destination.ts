import { isIP } from 'node:net';
import { EgressDenied } from './egress.ts';

/** Whom a URL speaks to. */
export interface Destination {
  /** Canonical: lower case, punycode, no trailing dot, IPv6 in brackets; as `PermissionRequest.host`. */
  host: string;
  port: number;
  isSecure: boolean;
}

/**
 * Reads a URL's destination, and nothing else in its authority. Throws `EgressDenied` for another scheme than http and
 * https, for credentials, and for a host nobody can match a rule against.
 */
export function destinationOf(url: URL): Destination {
  const isSecure = url.protocol === 'https:';
  if (!isSecure && url.protocol !== 'http:') throw denied(`${url.protocol} is not spoken here, only http: and https:`);
  if (url.username !== '' || url.password !== '')
    throw denied('the URL holds a user name or password; nothing may stand before the host');
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  return { host: canonicalHost(url.hostname), port, isSecure };
}

/** `host:port` of a CONNECT request. Throws `EgressDenied`. */
export function destinationOfAuthority(authority: string): Destination {
  const [, hostname, port] = /^(\[[0-9a-fA-F:.]+\]|[^:@/?#\\\s]+):(\d{1,5})$/.exec(authority) ?? [];
  if (hostname === undefined || !URL.canParse(`https://${authority}`)) throw denied('that is no host and port');
  return { host: canonicalHost(new URL(`https://${authority}`).hostname), port: Number(port), isSecure: true };
}

/** The address in a host that is a literal; undefined for a name. */
export function literalAddress(host: string): string | undefined {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  return isIP(address) === 0 ? undefined : address;
}

/**
 * Of a host as WHATWG URL spells it. That parser lets `*`, `$` and the like stand in a host, which no name has and which
 * a rule might take for a pattern.
 */
function canonicalHost(hostname: string): string {
  if (literalAddress(hostname) !== undefined) return hostname;
  const host = hostname.replace(/\.$/, '');
  const isName = host.length <= 253 && host.split('.').every((label) => /^[a-z0-9_-]{1,63}$/.test(label));
  if (!isName) throw denied(`${JSON.stringify(hostname.slice(0, 100))} is no host name`);
  return host;
}

function denied(message: string): EgressDenied {
  return new EgressDenied('HOST_DENIED', message);
}
