import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfig, type Config } from '../../../client/config.ts';
import { CLI_VERSION, findServerBinary, obtainServerBinary } from '../../../client/local/server-binary.ts';
import { downloadServer } from '../../../client/local/server-source.ts';

const RACER = join(import.meta.dirname, '../../support/binary-racer.ts');
/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:3';
const GOOD = 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)';

let root: string;
let server: Server | undefined;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-binary-'));
  mkdirSync(join(root, 'bin'));
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  rmSync(root, { recursive: true, force: true });
});

function script(path: string, body: string): string {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), `#!/bin/sh\n${body}\n`);
  chmodSync(join(root, path), 0o755);
  return join(root, path);
}

const temporal = (path: string, says = GOOD): string => script(path, `echo '${says}'`);

/** `go install` that takes a moment, counts itself, and makes a binary as Go would. */
function fakeGo(ending = ''): void {
  const made = temporal('made-by-go');
  script('bin/go', `echo "$@" >>'${root}/builds'; sleep 0.2; ${ending || `cp '${made}' "$GOBIN/temporal"`}`);
}

function environment(more: Record<string, string> = {}): Record<string, string> {
  return { PATH: `${join(root, 'bin')}:/usr/bin:/bin`, HOME: root, XDG_CACHE_HOME: join(root, 'cache'), ...more };
}

const config = (more: Record<string, string> = {}): Config => readConfig(environment(more), root);
const cached = (): string => join(root, 'cache/muster', `temporal-${CLI_VERSION}`);
const leftovers = (): string[] => readdirSync(join(root, 'cache/muster')).filter((name) => !name.endsWith(CLI_VERSION));

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function archive(): Buffer {
  temporal('archive/temporal');
  return execFileSync('tar', ['-czf', '-', '-C', join(root, 'archive'), 'temporal']);
}

async function obtain(downloads: string): Promise<{ path: string; said: string }> {
  const said: string[] = [];
  const { path } = await obtainServerBinary(config(), { downloads, onProgress: (line) => said.push(line) });
  return { path, said: said.join('\n') };
}

test('the variable wins over PATH, and PATH over the cache', async () => {
  const named = temporal('named');
  const onPath = temporal('bin/temporal');
  temporal(`cache/muster/temporal-${CLI_VERSION}`);
  const find = async (more?: Record<string, string>) => findServerBinary(config(more), () => undefined);
  expect(await find({ MUSTER_TEMPORAL_BINARY: named })).toMatchObject({ path: named, serverVersion: '1.29.1' });
  expect(await find({ MUSTER_TEMPORAL_BINARY: 'named' })).toMatchObject({ path: named });
  expect(await find()).toMatchObject({ path: onPath, from: 'PATH' });
  rmSync(onPath);
  expect(await find()).toMatchObject({ path: cached(), from: 'cache' });
  rmSync(cached());
  expect(await find()).toBeUndefined();
});

test.each([
  ['too old', 'temporal version 0.13.1 (server 1.24.2) (ui 2.27.2)', 'carries server 1.24.2, older than 1.29'],
  ['no Temporal', 'hello', 'does not tell the version'],
])('one on PATH that is %s is passed over, and said so; named by the variable it is refused', async (_, says, why) => {
  const bad = temporal('bin/temporal', says);
  temporal(`cache/muster/temporal-${CLI_VERSION}`);
  const said: string[] = [];
  expect(await findServerBinary(config(), (line) => said.push(line))).toMatchObject({ path: cached() });
  expect(said.join()).toContain(why);
  await expect(findServerBinary(config({ MUSTER_TEMPORAL_BINARY: bad }), () => undefined)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining(why),
  });
});

test('a variable that names nothing, or a directory, is refused', async () => {
  for (const path of ['/nowhere', root])
    await expect(
      obtainServerBinary(config({ MUSTER_TEMPORAL_BINARY: path }), { onProgress: () => undefined }),
    ).rejects.toThrow(`MUSTER_TEMPORAL_BINARY: ${path} is no executable file`);
});

test('is downloaded when there is none, for this system', async () => {
  const urls: string[] = [];
  const body = archive();
  const origin = await serve((request, response) => {
    urls.push(request.url!);
    response.end(body);
  });
  expect((await obtain(origin)).path).toBe(cached());
  expect(urls).toEqual([
    expect.stringMatching(/^\/cli\/archive\/v1\.5\.1\?platform=(linux|darwin)&arch=(amd64|arm64)$/),
  ]);
  expect((await obtain(origin)).path).toBe(cached());
  expect(urls).toHaveLength(1);
  expect(leftovers()).toEqual([]);
});

test.each<[string, RequestListener]>([
  ['is refused', (_, response) => void response.writeHead(403).end()],
  [
    'is cut',
    (_, response) => void response.writeHead(200, { 'content-length': 9_999 }).write('x', () => response.destroy()),
  ],
  ['is no archive', (_, response) => void response.end('<html>')],
])('is built with Go when the download %s', async (_, listener) => {
  fakeGo();
  const { path, said } = await obtain(await serve(listener));
  expect(path).toBe(cached());
  expect(said).toContain('the download failed');
  expect(said).toContain('building');
  expect(readFileSync(join(root, 'builds'), 'utf8')).toBe(
    `install github.com/temporalio/cli/cmd/temporal@${CLI_VERSION}\n`,
  );
  expect(leftovers()).toEqual([]);
});

test('a download that falls silent is given up, and nothing of it stays', async () => {
  const origin = await serve((_, response) => void response.writeHead(200).write('x'));
  mkdirSync(join(root, 'cache/muster'), { recursive: true });
  const download = downloadServer({ origin, version: CLI_VERSION, path: cached(), stallMs: 100 });
  await expect(download).rejects.toThrow('silent for 0.1 s');
  expect(readdirSync(join(root, 'cache/muster'))).toEqual([]);
});

test('two processes that need it at once build it once', async () => {
  fakeGo();
  const run = () => promisify(execFile)(process.execPath, [RACER, NOWHERE], { env: environment(), cwd: root });
  const both = await Promise.all([run(), run()]);
  expect(both.map(({ stdout }) => stdout.trim())).toEqual([cached(), cached()]);
  expect(readFileSync(join(root, 'builds'), 'utf8').trim().split('\n')).toHaveLength(1);
  expect(both.map(({ stderr }) => stderr).join()).toMatch(/waiting for process \d+, which obtains/);
  expect(leftovers()).toEqual([]);
});

test('what an interrupted build left is cleared by the next', async () => {
  fakeGo();
  mkdirSync(`${cached()}.making-dead`, { recursive: true });
  await obtain(NOWHERE);
  expect(leftovers()).toEqual([]);
});

test('where nothing helps it says what failed and what to install', async () => {
  rmSync(join(root, 'bin'), { recursive: true });
  const without = readConfig({ ...environment(), PATH: join(root, 'bin') }, root);
  await expect(obtainServerBinary(without, { downloads: NOWHERE, onProgress: () => undefined })).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(/the download failed: .*ECONNREFUSED[^]*there is no go on PATH/),
    hint: expect.stringMatching(/docs\.temporal\.io[^]*go\.dev[^]*TEMPORAL_ADDRESS/),
  });
});

test('a build that fails shows what Go said last, and leaves nothing', async () => {
  fakeGo('echo "no required module" >&2; exit 3');
  await expect(obtain(NOWHERE)).rejects.toThrow(/go install ended with 3:\n {2}no required module/);
  expect(existsSync(cached())).toBe(false);
  expect(leftovers()).toEqual([]);
});
