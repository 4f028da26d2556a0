import { describe, expect, it } from 'vitest';
import { endpointHost, fingerprint } from '../../../activities/claude/endpoint.ts';

const baseUrl = 'https://api.anthropic.com';

describe('the fingerprint of an endpoint', () => {
  it('is twelve hex digits, the same each time, and does not show the credential', () => {
    const print = fingerprint({ baseUrl, apiKey: 'sk-secret' });
    expect(print).toMatch(/^[0-9a-f]{12}$/);
    expect(fingerprint({ baseUrl, apiKey: 'sk-secret' })).toBe(print);
  });

  it('does not see a closing slash or capitals of the host', () => {
    const print = fingerprint({ baseUrl, apiKey: 'k' });
    expect(fingerprint({ baseUrl: 'https://API.anthropic.com/', apiKey: 'k' })).toBe(print);
  });

  it('differs by host, path, port, credential and kind of credential', () => {
    const endpoints = [
      { baseUrl, apiKey: 'k' },
      { baseUrl, apiKey: 'l' },
      { baseUrl, authToken: 'k' },
      { baseUrl: `${baseUrl}/proxy`, apiKey: 'k' },
      { baseUrl: `${baseUrl}:8443`, apiKey: 'k' },
      { baseUrl: 'http://127.0.0.1:1', apiKey: 'k' },
    ];
    expect(new Set(endpoints.map(fingerprint)).size).toBe(endpoints.length);
  });

  it('cannot be made of something that is no URL', () => {
    expect(() => fingerprint({ baseUrl: 'anthropic', apiKey: 'k' })).toThrow('Invalid URL');
  });
});

it('the host of an endpoint has its port', () => {
  expect(endpointHost('http://127.0.0.1:8080/v1')).toBe('127.0.0.1:8080');
  expect(endpointHost(baseUrl)).toBe('api.anthropic.com');
});
