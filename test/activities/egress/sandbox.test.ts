import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEgress } from '../../../activities/egress/broker.ts';
import type { Egress } from '../../../activities/egress/egress.ts';
import { createLog } from '../../../activities/observe/log.ts';
import type { Sandbox, Sandboxes } from '../../../activities/sandbox/sandbox.ts';
import { createSandboxes } from '../../../activities/sandbox/sandboxes.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { startWeb, type WebWorld } from '../../support/web-world.ts';

const log = createLog('silent');
let web: WebWorld;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let egress: Egress;
let sandboxes: Sandboxes;
let sandbox: Sandbox;
let denials: { host: string; reason: string }[];

beforeAll(async () => {
  web = await startWeb();
  directory = await temporaryDirectory();
  egress = createEgress({ ...web, log });
  sandboxes = createSandboxes({ isolation: 'bubblewrap', log });
  denials = [];
  const { socket } = await egress.openProxy({
    directory: directory.path,
    mayReach: (host) => host === 'granted.test' || host === 'rebound.test',
    onDenied: (denial) => denials.push(denial),
  });
  const root = join(directory.path, 'workspace');
  await mkdir(root);
  sandbox = sandboxes.create({
    owner: 'egress-test',
    root,
    directory: root,
    writable: [root],
    readOnly: [],
    env: {},
    egressSocket: socket,
  });
});
afterAll(async () => {
  await sandboxes.close();
  await egress.close();
  await web.close();
  await directory[Symbol.asyncDispose]();
});

async function run(command: string): Promise<string> {
  denials.length = 0;
  const { output } = await sandbox.run(command, { timeoutMs: 20_000, signal: new AbortController().signal });
  return output;
}

describe('a shell with granted hosts', () => {
  test('reaches them, in the clear and through TLS', async () => {
    expect(await run('curl -s http://granted.test/')).toContain('Hello from granted.test');
    expect(await run('curl -sk https://granted.test/')).toContain('Hello from granted.test');
    expect(denials).toEqual([]);
  });

  test('is told why another is refused', async () => {
    expect(await run('curl -s http://other.test/')).toMatch(/^Denied \(HOST_DENIED\): other\.test is not granted/);
    expect(await run('curl -s http://rebound.test/latest/')).toMatch(
      /^Denied \(SSRF_DENIED\): rebound\.test is at 169/,
    );
    expect(denials).toEqual([{ host: 'http://rebound.test/latest/', reason: 'SSRF_DENIED' }]);
    expect(await run('curl -sk https://other.test/ || echo failed')).toContain('failed');
  });

  test.each([
    [
      'a tunnel for one host and TLS for another',
      'curl -sk --connect-to other.test:443:granted.test:443 https://other.test/',
    ],
    ['the request line of another host', 'curl -s -H "Host: granted.test" http://other.test/'],
    [
      'a relay of its own',
      'socat TCP-LISTEN:8080,fork,bind=127.0.0.1 TCP:127.0.0.1:3128 & sleep 0.2; curl -s -x http://127.0.0.1:8080 http://other.test/; kill %1',
    ],
  ])('gets nowhere by %s', async (_, command) => {
    const before = web.requests().length;
    expect(await run(`${command} || echo failed`)).not.toContain('Hello');
    expect(denials.length).toBeGreaterThan(0);
    expect(web.requests().length).toBe(before);
  });

  test.each([
    ['TCP', 'curl -s --noproxy "*" --max-time 3 http://127.7.7.7/'],
    ['TCP to the worker', () => `curl -s --noproxy "*" --max-time 3 http://127.0.0.1:${web.canaryPort}/`],
    ['an address outside', 'timeout 3 bash -c "echo hello > /dev/tcp/1.1.1.1/80"'],
    ['UDP', 'timeout 3 bash -c "echo hello > /dev/udp/1.1.1.1/53"'],
    ['a name', 'getent hosts granted.test'],
  ])('has no way around the broker: %s', async (_, command) => {
    const text = typeof command === 'string' ? command : command();
    expect(await run(`(${text}) && echo GOT-OUT || echo no way`)).toMatch(/no way\s*$/);
    expect(web.trespasses()).toEqual([]);
  });

  test('does not reach hosts of the worker through the broker', async () => {
    const out = await run(
      `curl -s http://127.0.0.1:${web.canaryPort}/ http://[::1]:${web.canaryPort}/ http://2130706433:${web.canaryPort}/`,
    );
    expect(out.match(/Denied \(SSRF_DENIED\)/g)).toHaveLength(3);
    expect(web.trespasses()).toEqual([]);
  });
});
