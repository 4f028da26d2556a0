import { describe, expect, it } from 'vitest';
import { guard } from '../../../client/mcp/http-guard.ts';

const TOKEN = 'correct-horse-battery';
const refusal = guard({ hosts: ['localhost', '127.0.0.1', '[::1]', 'muster.test'], token: TOKEN });

/** Status of the refusal; undefined: it passes. */
function status(headers: Record<string, string>): number | undefined {
  const given = { host: '127.0.0.1:7400', authorization: `Bearer ${TOKEN}`, ...headers };
  return refusal(new Request('http://127.0.0.1:7400/mcp', { headers: given }))?.status;
}

describe('the guard', () => {
  it.each([
    {},
    { host: 'localhost' },
    { host: '[::1]:1' },
    { host: 'muster.test' },
    { origin: 'http://localhost:3000' },
  ])('lets %j pass', (headers) => {
    expect(status(headers as Record<string, string>)).toBeUndefined();
  });

  it.each([
    { host: 'evil.test' },
    { host: 'localhost.evil.test:7400' },
    { host: '' },
    { host: 'evil.test@127.0.0.1', origin: 'http://evil.test' },
    { origin: 'http://evil.test' },
    { origin: 'https://127.0.0.1.evil.test' },
    { origin: 'null' },
    { origin: 'chrome-extension://abc' },
  ])('refuses what a web page could send, whatever token it has: %j', (headers) => {
    expect(status(headers as Record<string, string>)).toBe(403);
  });

  it.each([
    '',
    TOKEN,
    'Bearer',
    'Bearer wrong',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN} ${TOKEN}`,
  ])('refuses the authorization %j', (authorization) => {
    expect(status({ authorization })).toBe(401);
  });

  it('takes the scheme in any case, as HTTP does', () => {
    expect(status({ authorization: `bearer ${TOKEN}` })).toBeUndefined();
  });

  it('says how to be let in, and nothing of the token', async () => {
    const refused = refusal(new Request('http://127.0.0.1/mcp', { headers: { host: '127.0.0.1' } }))!;
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
    const text = await refused.text();
    expect(text).toContain('Authorization: Bearer');
    expect(text).not.toContain(TOKEN);
  });
});
