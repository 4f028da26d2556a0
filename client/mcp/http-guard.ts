import { createHash, timingSafeEqual } from 'node:crypto';
import { hostHeaderValidationResponse, originValidationResponse } from '@modelcontextprotocol/server';

export interface GuardOptions {
  /** Names by which this server may be addressed, without port; IPv6 in brackets. */
  hosts: readonly string[];
  token: string;
}

/**
 * Refuses requests that a web page could have made a browser send (a foreign `Host` after DNS rebinding, a foreign
 * `Origin`), and those without the token. undefined: it may pass.
 */
export function guard({ hosts, token }: GuardOptions): (request: Request) => Response | undefined {
  const allowed = [...hosts];
  const wanted = digest(token);
  return (request) => {
    const foreign = hostHeaderValidationResponse(request, allowed) ?? originValidationResponse(request, allowed);
    if (foreign) return foreign;
    const given = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1];
    // Of equal length whatever was given, so that time tells nothing.
    if (given !== undefined && timingSafeEqual(digest(given), wanted)) return undefined;
    const message = given === undefined ? 'send Authorization: Bearer TOKEN' : 'this is not the token of this server';
    return Response.json(
      { jsonrpc: '2.0', id: null, error: { code: -32_001, message: `not authorized: ${message}` } },
      { status: 401, headers: { 'www-authenticate': 'Bearer realm="muster"' } },
    );
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
