import { getCACertificates, createSecureContext, type SecureContext } from 'node:tls';
import type { Log } from '../observe/log.ts';
import { createAddressRules } from './address.ts';
import { type Connect, createDialler, type Dialler, type Lookup } from './dial.ts';
import type { Egress } from './egress.ts';
import { DEFAULT_LIMITS, type EgressLimits } from './limits.ts';
import { createMarkdown } from './markdown.ts';
import { fetchPage } from './page-fetch.ts';
import { openProxy } from './proxy.ts';
import { openRequest } from './raw-request.ts';

/** What every way out of one broker shares. */
export interface Broker {
  dialler: Dialler;
  trust: SecureContext;
  limits: EgressLimits;
  log: Log;
}

export interface EgressOptions {
  /** Networks the operator allows though they are private, as `10.1.0.0/16`. There any port may be reached. */
  internal: readonly string[];
  /** Certificates (PEM) the operator trusts besides the system's. */
  certificates?: readonly string[];
  log: Log;
  /** The name service; default: the system's. */
  lookup?: Lookup;
  /** The network; default: the system's. */
  connect?: Connect;
  limits?: Partial<EgressLimits>;
}

/** The only way out of this worker. Throws for an `internal` that is no network. */
export function createEgress({ internal, certificates = [], log, lookup, connect, limits }: EgressOptions): Egress {
  const broker: Broker = {
    dialler: createDialler({ rules: createAddressRules(internal), lookup, connect }),
    trust: createSecureContext(
      certificates.length === 0 ? {} : { ca: [...getCACertificates('default'), ...certificates] },
    ),
    limits: { ...DEFAULT_LIMITS, ...limits },
    log,
  };
  const { markdownMs: timeoutMs, markdownMb: memoryMb, pageChars: maxChars } = broker.limits;
  const toMarkdown = createMarkdown({ timeoutMs, memoryMb, maxChars });
  const life = new AbortController();
  const proxies = new Set<() => Promise<void>>();

  return {
    fetch: (url, { mayReach, signal }) =>
      fetchPage(broker, url, mayReach, AbortSignal.any([signal, life.signal]), toMarkdown),
    request: (url, options) =>
      openRequest(broker, url, { ...options, signal: AbortSignal.any([options.signal, life.signal]) }),
    async openProxy(options) {
      life.signal.throwIfAborted();
      const proxy = await openProxy(broker, options);
      const close = async (): Promise<void> => {
        proxies.delete(close);
        await proxy.close();
      };
      proxies.add(close);
      return { socket: proxy.socket, close };
    },
    async close() {
      life.abort(new Error('The way out is closed: the worker is ending.'));
      await Promise.all([...proxies].map((close) => close()));
    },
  };
}
