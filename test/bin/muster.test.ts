import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(ROOT, 'bin/muster.js');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** A Node older than the one muster needs, where this machine has one. */
const OLD = ['/usr/bin/node', '/usr/local/bin/node'].find(
  (path) =>
    existsSync(path) && Number(execFileSync(path, ['-p', 'process.versions.node']).toString().split('.')[0]) < 24,
);
const NODES = [...(OLD ? [['an old Node', OLD]] : []), ['this Node', process.execPath]] as [string, string][];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-bin-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Ended {
  code: number | string;
  stdout: string;
  stderr: string;
}

function run(node: string, args: string[], cwd = directory): Promise<Ended> {
  return new Promise((resolve) =>
    execFile(node, args, { cwd }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr })),
  );
}

/** A package with this bin and small programs in place of the command line and the worker. */
function layOut(files: Record<string, string>): string {
  const all = { 'package.json': '{"type":"module","version":"0.0.0"}', ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  mkdirSync(join(directory, 'bin'), { recursive: true });
  copyFileSync(BIN, join(directory, 'bin/muster.js'));
  return join(directory, 'bin/muster.js');
}

function pinThisNode(): void {
  mkdirSync(join(directory, 'node_modules/node/bin'), { recursive: true });
  symlinkSync(process.execPath, join(directory, 'node_modules/node/bin/node'));
}

const SAYS = 'console.log(JSON.stringify([Number(process.versions.node.split(".")[0]) >= 24, process.argv.slice(2)]));';

describe.each(NODES)('under %s', (_, node) => {
  test('runs the checkout from any directory, by its path and through symbolic links', async () => {
    const link = join(directory, 'muster');
    symlinkSync(BIN, link);
    symlinkSync(link, join(directory, 'again'));
    for (const path of [BIN, link, join(directory, 'again')])
      expect(await run(node, [path, '--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('passes arguments and the exit code through', async () => {
    const bin = layOut({ 'client/cli/main.ts': `${SAYS} process.exitCode = 8 as number;` });
    pinThisNode();
    const args = ['run', '', 'a b', '--', '-p', 'x=$y'];
    expect(await run(node, [bin, ...args])).toEqual({
      code: 8,
      stdout: `${JSON.stringify([true, args])}\n`,
      stderr: '',
    });
  });

  test('starts the worker for `worker`, whose command line says so', async () => {
    const bin = layOut({ 'client/cli/main.ts': 'throw new Error()', 'workers/supervised.ts': SAYS });
    pinThisNode();
    const { stdout } = await run(node, [bin, 'worker', '--role', 'all']);
    expect(JSON.parse(stdout)).toEqual([true, ['worker', '--role', 'all']]);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('hands %s on, and ends as the program does', async (signal) => {
    const bin = layOut({
      'client/cli/main.ts': `
        process.on(process.argv[2] as 'SIGINT', () => process.exit(130));
        console.log('ready');
        setInterval(() => undefined, 1_000);`,
    });
    pinThisNode();
    for (const [argument, expected] of [
      [signal, [130, null]],
      ['exit', [null, signal]],
    ] as const) {
      const child = spawn(node, [bin, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill(signal);
      expect(await once(child, 'exit')).toEqual(expected);
    }
  });

  test('leaves no program behind that reads its stdin', async () => {
    const bin = layOut({ 'client/cli/main.ts': 'process.stdin.pipe(process.stdout);' });
    pinThisNode();
    const child = spawn(node, [bin], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end('hello');
    const [[data], [code]] = await Promise.all([once(child.stdout, 'data'), once(child, 'exit')]);
    expect({ text: String(data), code }).toEqual({ text: 'hello', code: 0 });
  });
});

test('an installed package runs its built files', async () => {
  const bin = layOut({ 'dist/client/cli/main.js': SAYS, 'dist/workers/supervised.js': 'console.log("worker")' });
  expect((await run(process.execPath, [bin, 'list'])).stdout).toBe('[true,["list"]]\n');
  expect((await run(process.execPath, [bin, 'worker'])).stdout).toBe('worker\n');
});

describe.runIf(OLD !== undefined)('an old Node', () => {
  test('gets one sentence from an installed package, and exit 1', async () => {
    const { code, stdout, stderr } = await run(OLD!, [layOut({ 'dist/client/cli/main.js': SAYS }), 'list']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^muster needs Node 24 or newer and this is v\d+\.\d+\.\d+: [^\n]+\n$/);
  });

  test('is told of `npm ci` in a checkout where that was not run', async () => {
    const { code, stderr } = await run(OLD!, [layOut({ 'client/cli/main.ts': SAYS })]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('run `npm ci` in') });
  });
});
