import { isIP } from 'node:net';
import { CommandFailure } from '../cli/context.ts';

export interface ListenAddress {
  host: string;
  port: number;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** `PORT`, `HOST:PORT` or `[IPV6]:PORT`. Throws `CommandFailure` 2; one that others can reach only with `isRemote`. */
export function readListenAddress(text: string, isRemote: boolean): ListenAddress {
  const found = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text);
  const host = found?.[1] ?? found?.[2] ?? '127.0.0.1';
  const port = Number(found?.[3]);
  if (!found || port > 65_535 || (found[1] !== undefined && isIP(found[1]) !== 6))
    throw new CommandFailure(
      2,
      `--listen ${text} is no address`,
      'write --listen 127.0.0.1:7400; port 0 takes a free one',
    );
  if (!isRemote && !LOOPBACK.test(host))
    throw new CommandFailure(
      2,
      `--listen ${text}: other machines could reach it`,
      'listen on 127.0.0.1; or add --remote, with TLS in front: the token crosses the network as it is',
    );
  return { host, port };
}

/** As a URL spells it. */
export const urlHost = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host);
