import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MusterGround, type Ran } from '../support/muster-process.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { TemporalServer } from '../support/temporal-server.ts';

/** A Temporal that lets in only who shows a certificate: all of muster's own, client and worker, has to. */

const skipped = spawnSync('openssl', ['version']).status === 0 ? '' : ' (skipped: openssl is not installed)';

let server: TemporalServer;
let proxy: Server;
let ground: MusterGround;
let place: Awaited<ReturnType<typeof temporaryDirectory>>;
/** Subjects of the certificates that were shown, once for each connection. */
const shown: string[] = [];

describe.skipIf(skipped !== '')(`a Temporal that asks for certificates${skipped}`, () => {
  beforeAll(async () => {
    place = await temporaryDirectory();
    makeCertificates(place.path);
    server = await TemporalServer.start();
    const [host, port] = server.address.split(':');
    proxy = createServer(
      {
        key: readFileSync(join(place.path, 'server.key')),
        cert: readFileSync(join(place.path, 'server.pem')),
        ca: readFileSync(join(place.path, 'ca.pem')),
        requestCert: true,
        rejectUnauthorized: true,
        ALPNProtocols: ['h2'],
      },
      (socket) => {
        shown.push(String(socket.getPeerCertificate().subject.CN));
        const onward = connect(Number(port), host);
        socket.pipe(onward).pipe(socket);
        for (const end of [socket, onward]) end.on('error', () => [socket, onward].forEach((each) => each.destroy()));
      },
    ).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    ground = new MusterGround({ 'tasks.json': JSON.stringify({ tasks: [{ prompt: '[[simulate turns=2]] x' }] }) });
    mkdirSync(join(ground.directory, 'tls'));
    for (const name of ['ca.pem', 'client.pem', 'client.key'])
      copyFileSync(join(place.path, name), join(ground.directory, 'tls', name));
  });
  afterAll(async () => {
    await ground[Symbol.asyncDispose]();
    proxy.close();
    await server.stop();
    await place[Symbol.asyncDispose]();
  });

  const run = (env: Record<string, string>): Promise<Ran> =>
    ground.run(['run', 'tasks.json', '--simulate', '--output-format', 'json', '--quiet'], {
      env: { TEMPORAL_ADDRESS: `127.0.0.1:${(proxy.address() as AddressInfo).port.toString()}`, ...env },
    });

  it('a fleet runs with a certificate, named from where the command stands; without one nobody is let in', async () => {
    // Relative: the worker, which runs elsewhere, has to find them too.
    const tls = { TEMPORAL_TLS_SERVER_CA_CERT_PATH: 'tls/ca.pem', TEMPORAL_TLS_SERVER_NAME: 'temporal.internal' };
    const pair = { TEMPORAL_TLS_CLIENT_CERT_PATH: 'tls/client.pem', TEMPORAL_TLS_CLIENT_KEY_PATH: 'tls/client.key' };
    const refused = await run(tls);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('no Temporal answers at 127.0.0.1:');
    expect(shown).toEqual([]);
    const ran = await run({ ...tls, ...pair });
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(ran.stdout)).toMatchObject({ status: 'completed', census: { completed: 1 } });
    expect(new Set(shown)).toEqual(new Set(['muster']));
    expect(shown.length).toBeGreaterThan(1);
  });
});

function makeCertificates(directory: string): void {
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '2');
  for (const [name, subject] of [
    ['server', 'temporal.internal'],
    ['client', 'muster'],
  ] as const) {
    const request = [...key, '-keyout', `${name}.key`, '-subj', `/CN=${subject}`];
    const names = ['-addext', `subjectAltName=DNS:${subject}`];
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-out', `${name}.pem`, '-days', '2'];
    openssl('req', '-x509', ...request, ...names, '-addext', 'basicConstraints=critical,CA:FALSE', ...signed);
  }
}
