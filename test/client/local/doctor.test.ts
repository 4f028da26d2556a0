import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Check } from '../../../client/local/doctor/check.ts';
import { isAtLeast } from '../../../client/local/doctor/check.ts';
import { writeState } from '../../../client/local/daemon.ts';
import { VERSION } from '../../../client/local/entries.ts';
import { createHome } from '../../../client/local/home.ts';
import { HOME } from '../../../workflows/contract/home.ts';
import { failure, FakeS3 } from '../../support/fake-s3.ts';

const BIN = join(import.meta.dirname, '../../../bin/muster.js');

let root: string;
let home: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-doctor-test-'));
  home = join(root, 'home');
  mkdirSync(join(root, 'bin'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function program(name: string, body: string): void {
  writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(root, 'bin', name), 0o755);
}

/** Runs the command with these programs alone on PATH. */
async function doctor(
  env: Record<string, string> = {},
): Promise<{ code: number; checks: Map<string, Check>; out: string }> {
  const full = { PATH: join(root, 'bin'), HOME: root, TMPDIR: root, MUSTER_HOME: home, ANTHROPIC_API_KEY: 'k', ...env };
  const args = [BIN, 'doctor', '--output-format', 'json'];
  const { code, out } = await new Promise<{ code: number; out: string }>((resolve) =>
    execFile(process.execPath, args, { env: full, cwd: root }, (error, stdout) =>
      resolve({ code: Number(error?.code ?? 0), out: stdout }),
    ),
  );
  const { ok, checks } = JSON.parse(out) as { ok: boolean; checks: Check[] };
  expect(ok).toBe(code === 0);
  return { code, checks: new Map(checks.map((check) => [check.name, check])), out };
}

/** A machine on which all holds, of the programs' own word. */
function healthyMachine(): void {
  program('git', 'echo git version 2.47.1');
  program('bwrap', '[ "$1" = --version ] && echo bubblewrap 0.11.0; exit 0');
  program('unshare', 'exit 0');
  program('socat', 'echo socat version 1.7.4.4 on 06 Nov 2022');
  program('temporal', "echo 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)'");
}

test('all that is needed is there: exit 0, and nothing was made or started', async () => {
  healthyMachine();
  const { code, checks } = await doctor();
  expect(
    [...checks.values()].filter(({ status, name }) => status !== 'ok' && !['disk', 'limits'].includes(name)),
  ).toEqual([]);
  expect(code).toBe(0);
  expect([...checks.keys()]).toEqual([
    ...['node', 'git', 'ripgrep', 'overlayfs', 'disk', 'sandbox', 'socat', 'limits', 'temporal', 'ports'],
    ...['retention', 'home', 'database', 'daemons', 'artifacts', 'credentials'],
  ]);
  expect(existsSync(home)).toBe(false);
});

test('each missing need is told with how to mend it; only what muster cannot do without fails', async () => {
  const { code, checks } = await doctor({ ANTHROPIC_API_KEY: '' });
  const status = (name: string): unknown => checks.get(name)?.status;
  expect(code).toBe(1);
  expect({ git: status('git'), credentials: status('credentials') }).toEqual({ git: 'failed', credentials: 'failed' });
  expect(new Set(['sandbox', 'socat', 'overlayfs', 'temporal'].map(status))).toEqual(new Set(['warning']));
  expect(checks.get('sandbox')?.detail).toBe(
    'bwrap is not installed: Bash, `verify` and local MCP servers are refused',
  );
  expect(checks.get('socat')?.detail).toContain('shells have no network');
  expect(checks.get('git')).toMatchObject({
    detail: 'git is not installed',
    hint: expect.stringContaining('apt install git'),
  });
  expect(checks.get('credentials')?.hint).toContain('--simulate');
  for (const { status, hint } of checks.values()) if (status !== 'ok') expect(hint).toBeTruthy();
});

test('what is there but does not work is told as such', async () => {
  healthyMachine();
  program('git', 'echo git version 2.17.1');
  program(
    'bwrap',
    '[ "$1" = --version ] && echo bubblewrap 0.8.0 && exit; echo "bwrap: No permissions to create new namespace" >&2; exit 1',
  );
  program('temporal', 'echo temporal version 0.9 "(server 1.20.0)"');
  const { code, checks } = await doctor();
  expect(code).toBe(1);
  expect(checks.get('git')).toMatchObject({ status: 'failed', detail: '2.17.1 is older than 2.30' });
  expect(checks.get('sandbox')).toMatchObject({
    status: 'warning',
    detail: expect.stringContaining('No permissions to create new namespace'),
    hint: expect.stringContaining('userns'),
  });
  expect(checks.get('temporal')).toMatchObject({ status: 'warning', detail: expect.stringContaining('1.20.0') });
  const wrong = await doctor({ MUSTER_TEMPORAL_BINARY: join(root, 'none') });
  expect(wrong.checks.get('temporal')).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('MUSTER_TEMPORAL_BINARY'),
  });
});

test('what the operator has opened or left out is told', async () => {
  healthyMachine();
  program('bwrap', 'exit 1');
  const file = join(root, 'mcp.json');
  writeFileSync(file, '{"mcpServers":{"files":{"command":"x","env":{"A":"${FILES_TOKEN}"}}}}');
  const { code, checks } = await doctor({ MUSTER_SANDBOX: 'none', MUSTER_MCP_CONFIG: file });
  expect(code).toBe(0);
  expect(checks.get('sandbox')).toMatchObject({
    status: 'warning',
    detail: expect.stringContaining('all your rights'),
  });
  expect(checks.get('mcp servers')).toMatchObject({ status: 'ok', detail: 'files' });
  expect(checks.get('mcp variables')).toMatchObject({
    status: 'warning',
    detail: expect.stringContaining('FILES_TOKEN'),
  });
  const set = await doctor({ MUSTER_MCP_CONFIG: file, FILES_TOKEN: 'hidden-value' });
  expect(set.checks.has('mcp variables')).toBe(false);
  expect(set.out).not.toContain('hidden-value');
});

test("a newer muster's home fails, and no more is asked of it", async () => {
  mkdirSync(home);
  writeFileSync(join(home, 'version.json'), '{"layout":99,"muster":"9.0.0"}');
  const { code, checks } = await doctor();
  expect(code).toBe(1);
  expect(checks.get('home')).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('newer muster (9.0.0)'),
  });
  expect(checks.has('database')).toBe(false);
});

test('a damaged database, a dead server, and a port that someone took meanwhile', async () => {
  healthyMachine();
  createHome(home);
  writeFileSync(join(home, HOME.database), 'no database');
  const intruder = createServer().listen(0, '127.0.0.1');
  await once(intruder, 'listening');
  const { port } = intruder.address() as { port: number };
  const state = { startTicks: '1', version: VERSION, isReady: true };
  writeState(home, HOME.serverFile, { ...state, pid: 2 ** 22 + 1, address: `127.0.0.1:${port}`, port });
  try {
    const { code, checks } = await doctor();
    expect(code).toBe(1);
    expect(checks.get('database')).toMatchObject({
      status: 'failed',
      hint: expect.stringContaining('--fresh-database'),
    });
    expect(checks.get('daemons')).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('ended without being told to'),
    });
    expect(checks.get('ports')).toMatchObject({ status: 'warning', detail: expect.stringContaining(String(port)) });
  } finally {
    intruder.close();
  }
});

test('a Temporal that others should run and that does not answer fails', async () => {
  const { checks } = await doctor({ TEMPORAL_ADDRESS: '127.0.0.1:3' });
  expect(checks.get('temporal')).toMatchObject({ status: 'failed', hint: expect.stringContaining('TEMPORAL_ADDRESS') });
  expect(checks.has('ports')).toBe(false);
});

test('never prints a credential', async () => {
  healthyMachine();
  const { out } = await doctor({ ANTHROPIC_API_KEY: 'sk-very-secret' });
  expect(out).toContain('ANTHROPIC_API_KEY');
  expect(out).not.toContain('very-secret');
});

test('text tells the same to people', async () => {
  symlinkSync('/bin/sh', join(root, 'bin/sh'));
  const env = { PATH: join(root, 'bin'), HOME: root, MUSTER_HOME: home };
  const { stdout } = await new Promise<{ stdout: string }>((resolve) =>
    execFile(process.execPath, [BIN, 'doctor'], { env, cwd: root }, (_, stdout) => resolve({ stdout })),
  );
  expect(stdout).toMatch(/^ok {7}node +\d+\./m);
  expect(stdout).toMatch(/^failed {3}git +git is not installed\n +→ install git/m);
});

test('versions are compared number by number', () => {
  expect(isAtLeast('2.30', '2.30')).toBe(true);
  expect(isAtLeast('2.9.9', '2.30')).toBe(false);
  expect(isAtLeast('3.0', '2.30')).toBe(true);
  expect(isAtLeast('24', '24')).toBe(true);
});

test('keys of payloads: their ids are told, and nothing of them', async () => {
  healthyMachine();
  const [one, two] = [7, 8].map((byte) => Buffer.alloc(32, byte).toString('base64'));
  const { checks, out } = await doctor({ MUSTER_ENCRYPTION_KEYS: `new:${one!},old:${two!}` });
  expect(checks.get('encryption')).toMatchObject({
    status: 'ok',
    detail: 'payloads in Temporal are encrypted with the key new; old still decrypt',
  });
  for (const key of [one!, two!]) expect(out).not.toContain(key.slice(0, 12));
});

describe('the configuration', () => {
  /** Key → `value (from)`. */
  async function configured(env: Record<string, string>, files: Record<string, string> = {}) {
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), content);
    }
    const { out } = await doctor(env);
    const { configuration } = JSON.parse(out) as { configuration: { key: string; value: string; from: string }[] };
    return { out, of: Object.fromEntries(configuration.map(({ key, value, from }) => [key, `${value} (${from})`])) };
  }

  test('is printed with where each value comes from', async () => {
    const user = '.config/muster/config.yaml';
    const { of } = await configured(
      { MUSTER_TEAM: 'search', TEMPORAL_NAMESPACE: 'fleets' },
      {
        [user]: 'model: of-the-user\nconcurrency: 7\ntemporalAddress: 127.0.0.1:3\nsandbox: none\n',
        'muster.config.yaml': 'model: of-the-project\nartifacts: kept/here\n',
      },
    );
    const [ofUser, ofProject] = [join(root, user), join(root, 'muster.config.yaml')];
    expect(of).toMatchObject({
      home: `${home} (MUSTER_HOME)`,
      artifacts: `${join(root, 'kept/here')} (${ofProject})`,
      temporal: `127.0.0.1:3 (${ofUser})`,
      'temporal namespace': 'fleets (TEMPORAL_NAMESPACE)',
      'temporal tls': 'off (default)',
      'temporal api key': 'none (default)',
      model: `of-the-project (${ofProject})`,
      concurrency: `7 (${ofUser})`,
      team: 'search (MUSTER_TEAM)',
      sandbox: `none (${ofUser})`,
      'mcp servers': 'none (default)',
    });
  });

  test('says who gives what when nobody does', async () => {
    const { of } = await configured({ MUSTER_HOME: '' });
    expect(of).toMatchObject({
      home: `${join(root, '.muster')} (default)`,
      artifacts: `${join(root, '.muster/artifacts')} (default)`,
      temporal: 'embedded (default)',
      claude: 'https://api.anthropic.com (default)',
    });
    expect(of).not.toHaveProperty('artifacts credential');
  });

  test('holds not a byte of a secret', async () => {
    const secrets = ['sk-ant-hidden', 'aws-hidden', 'session-hidden', 'temporal-hidden', 'user-hidden', 'key-hidden'];
    const [claude, aws, session, temporal, user, key] = secrets as [string, string, string, string, string, string];
    const file = 'temporal.toml';
    const { of, out } = await configured(
      {
        ANTHROPIC_API_KEY: claude,
        ANTHROPIC_BASE_URL: `http://${user}:${user}@127.0.0.1:1`,
        AWS_ACCESS_KEY_ID: 'id-hidden',
        AWS_SECRET_ACCESS_KEY: aws,
        AWS_SESSION_TOKEN: session,
        AWS_REGION: 'us-east-1',
        MUSTER_ARTIFACTS: 's3://bucket/fleets?endpoint=http://127.0.0.1:1',
        TEMPORAL_CONFIG_FILE: file,
        TEMPORAL_TLS_CLIENT_CERT_DATA: key,
        TEMPORAL_TLS_CLIENT_KEY_DATA: key,
      },
      { [file]: `[profile.default]\naddress = "127.0.0.1:3"\napi_key = "${temporal}"\n` },
    );
    for (const secret of [...secrets, 'id-hidden']) expect(out).not.toContain(secret);
    expect(of).toMatchObject({
      temporal: '127.0.0.1:3 (TEMPORAL_CONFIG_FILE)',
      'temporal tls': 'on, client certificate (TEMPORAL_TLS_CLIENT_CERT_DATA)',
      'temporal api key': 'set, hidden (TEMPORAL_CONFIG_FILE)',
      claude: 'http://…@127.0.0.1:1 (ANTHROPIC_BASE_URL)',
      'claude credential': 'set, hidden (ANTHROPIC_API_KEY)',
      artifacts: 's3://bucket/fleets?endpoint=http://127.0.0.1:1 (MUSTER_ARTIFACTS)',
      'artifacts credential': 'set, hidden (AWS_ACCESS_KEY_ID)',
    });
  });
});

describe('a store on S3', () => {
  let fake: FakeS3;
  beforeEach(async () => void (fake = await FakeS3.start()));
  afterEach(() => fake.stop());

  test('is opened, proven and written to, and nothing of it stays but the proof', async () => {
    const { checks } = await doctor({ ...fake.environment, MUSTER_ARTIFACTS: fake.url });
    expect(checks.get('artifacts')).toMatchObject({
      status: 'ok',
      detail: expect.stringMatching(/^s3:\/\/bucket\/store.* opens, is writable, and honours conditional writes$/),
    });
    expect([...fake.objects.keys()]).toEqual(['store/proven']);
  });

  test('whose server ignores conditions, or that may not be written to, fails', async () => {
    fake.ignoresConditions = true;
    const ignoring = await doctor({ ...fake.environment, MUSTER_ARTIFACTS: fake.url });
    expect(ignoring.checks.get('artifacts')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('ignores If-None-Match'),
    });
    fake.intercept = ({ method }, apply) => (method === 'PUT' ? failure(403, 'AccessDenied') : apply());
    const denied = await doctor({ ...fake.environment, MUSTER_ARTIFACTS: fake.url });
    expect(denied.code).toBe(1);
    expect(denied.checks.get('artifacts')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('access is denied'),
      hint: expect.stringContaining('what they permit'),
    });
  });
});

test('a directory that cannot be a store fails', async () => {
  writeFileSync(join(root, 'file'), '');
  const { checks } = await doctor({ MUSTER_ARTIFACTS: `file://${join(root, 'file/store')}` });
  expect(checks.get('artifacts')).toMatchObject({ status: 'failed', detail: `${join(root, 'file')} is no directory` });
});
