import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../../client/config.ts';
import { readTemporal } from '../../../workers/config.ts';

/** Client and worker read the same words the same way, or one of them works somewhere else. */

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-temporal-settings-'));
  for (const name of ['ca.pem', 'client.pem', 'client.key']) writeFileSync(join(root, name), `PEM of ${name}`);
  writeFileSync(
    join(root, 'temporal.toml'),
    [
      '[profile.default]\naddress = "default:7233"',
      '[profile.prod]\naddress = "prod.example.com:7233"\nnamespace = "fleets"\napi_key = "key-of-prod"',
      `[profile.prod.tls]\nserver_ca_cert_path = "${join(root, 'ca.pem')}"`,
      `[profile.half.tls]\nclient_cert_path = "${join(root, 'client.pem')}"`,
    ].join('\n'),
  );
  writeFileSync(join(root, 'broken.toml'), '[profile.default]\napi_key = "hidden-value"\naddress = = "x"\n');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const inRoot = (variables: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, value.replace('ROOT', root)]));

test.each<[Record<string, string>, object]>([
  [{ TEMPORAL_ADDRESS: 'other:7233' }, { address: 'other:7233' }],
  [{ TEMPORAL_ADDRESS: '[::1]:7233' }, { address: '[::1]:7233' }],
  [{ TEMPORAL_ADDRESS: ' other:7233 ', TEMPORAL_API_KEY: '' }, { address: 'other:7233' }],
  [
    { TEMPORAL_ADDRESS: 'other:7233', TEMPORAL_API_KEY: 'k' },
    { apiKey: 'k', tls: true },
  ],
  [
    { TEMPORAL_ADDRESS: 'other:7233', TEMPORAL_TLS: 'false', TEMPORAL_API_KEY: 'k' },
    { apiKey: 'k', tls: false },
  ],
  [{ TEMPORAL_CONFIG_FILE: 'ROOT/temporal.toml' }, { address: 'default:7233' }],
  [
    { TEMPORAL_CONFIG_FILE: 'ROOT/temporal.toml', TEMPORAL_PROFILE: 'prod', TEMPORAL_ADDRESS: 'over:1' },
    { address: 'over:1', apiKey: 'key-of-prod', tls: { serverRootCACertificate: bytesOf('PEM of ca.pem') } },
  ],
  [
    {
      TEMPORAL_ADDRESS: 'other:7233',
      TEMPORAL_TLS_CLIENT_CERT_PATH: 'ROOT/client.pem',
      TEMPORAL_TLS_CLIENT_KEY_PATH: 'ROOT/client.key',
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: 'ROOT/ca.pem',
      TEMPORAL_TLS_SERVER_NAME: 'temporal.internal',
    },
    {
      tls: {
        clientCertPair: { crt: bytesOf('PEM of client.pem'), key: bytesOf('PEM of client.key') },
        serverRootCACertificate: bytesOf('PEM of ca.pem'),
        serverNameOverride: 'temporal.internal',
      },
    },
  ],
])('%o is read alike', (variables, expected) => {
  const env = { HOME: root, MUSTER_HOME: join(root, 'home'), ...inRoot(variables) };
  const client = readConfig(env, root).temporal!;
  const worker = readTemporal(env);
  expect(client.connection).toMatchObject(expected);
  expect(worker).toEqual({ connection: client.connection, namespace: client.namespace });
  if (!('apiKey' in expected)) expect(client.connection).toMatchObject({ apiKey: undefined });
});

test.each<[string, Record<string, string>, RegExp]>([
  ['TEMPORAL_ADDRESS', { TEMPORAL_ADDRESS: 'http://other:7233' }, /without a scheme/],
  ['TEMPORAL_ADDRESS', { TEMPORAL_ADDRESS: 'other:99999' }, /host:7233/],
  ['TEMPORAL_ADDRESS', { TEMPORAL_ADDRESS: 'two words:7233' }, /host:7233/],
  ['TEMPORAL_CONFIG_FILE', { TEMPORAL_CONFIG_FILE: 'ROOT/none.toml', TEMPORAL_ADDRESS: 'a:1' }, /there is no file/],
  ['TEMPORAL_CONFIG_FILE', { TEMPORAL_CONFIG_FILE: 'ROOT/broken.toml' }, /Invalid TOML/],
  [
    'TEMPORAL_PROFILE',
    { TEMPORAL_CONFIG_FILE: 'ROOT/temporal.toml', TEMPORAL_PROFILE: 'nobody' },
    /'nobody' not found/,
  ],
  ['TEMPORAL_TLS', { TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS: 'yes' }, /true or false/],
  [
    'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    { TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS_SERVER_CA_CERT_PATH: 'ROOT/none.pem' },
    /there is no file .*none.pem/,
  ],
  [
    'TEMPORAL_TLS_CLIENT_KEY_PATH',
    { TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS_CLIENT_CERT_PATH: 'ROOT/client.pem' },
    /shown neither/,
  ],
  [
    'TEMPORAL_TLS_CLIENT_KEY_PATH',
    { TEMPORAL_ADDRESS: 'a:1', TEMPORAL_CONFIG_FILE: 'ROOT/temporal.toml', TEMPORAL_PROFILE: 'half' },
    /shown neither/,
  ],
  [
    'TEMPORAL_TLS_CLIENT_CERT_PATH',
    { TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS_CLIENT_CERT_PATH: 'ROOT/client.pem', TEMPORAL_TLS_CLIENT_CERT_DATA: 'x' },
    /both/,
  ],
])('%s is named by client and worker when it is wrong: %o', (key, variables, why) => {
  const env = { HOME: root, ...inRoot(variables) };
  const told = [() => readConfig(env, root), () => readTemporal(env)].map(refusal);
  expect(told.map(({ kind }) => kind)).toEqual([2, 'WorkerConfigError']);
  for (const { text } of told) {
    expect(text.startsWith(`${key}: `), text).toBe(true);
    expect(text).toMatch(why);
    expect(text).not.toContain('hidden-value');
  }
  expect(told[0]!.text).toBe(told[1]!.text);
});

test('a profile is looked for where Temporal keeps its file, by both', () => {
  const directory = process.platform === 'darwin' ? 'Library/Application Support' : '.config';
  const file = join(root, directory, 'temporalio/temporal.toml');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '[profile.prod]\naddress = "prod.example.com:7233"\n');
  const env = { HOME: root, TEMPORAL_PROFILE: 'prod' };
  expect(readConfig(env, root).temporal?.address).toBe('prod.example.com:7233');
  expect(readTemporal(env).connection.address).toBe('prod.example.com:7233');
  expect(readTemporal({ HOME: root }).connection.address).toBeUndefined();
});

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}

function refusal(work: () => unknown): { kind: number | string; text: string } {
  try {
    work();
  } catch (error) {
    const { name, exitCode, message, hint } = error as Error & { exitCode?: number; hint?: string };
    return { kind: exitCode ?? name, text: hint === undefined ? message : `${message}: ${hint}` };
  }
  throw new Error('nothing was refused');
}
