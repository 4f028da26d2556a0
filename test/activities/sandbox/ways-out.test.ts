import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SandboxWorld } from './sandbox-world.ts';

const run = promisify(execFile);

let world: SandboxWorld;
let proxy: Server;
let socket: string;
beforeAll(async () => {
  world = await SandboxWorld.open();
  socket = join(world.directory, 'p.sock');
  proxy = createServer((request, response) => response.end(`${request.method!} ${request.url!}`)).listen(socket);
  await once(proxy, 'listening');
});
afterAll(async () => {
  proxy.close();
  await world[Symbol.asyncDispose]();
});

describe('the way out of a sandbox', () => {
  test('leads to the broker’s socket, and nowhere else', async () => {
    const shell = await world.create({}, { egressSocket: socket });
    expect((await shell.run('curl -sS http://example.test/page')).output).toBe('GET http://example.test/page');
    expect((await shell.run('wget -qO- http://example.test/other')).output).toBe('GET http://example.test/other');
    expect(
      (await shell.run('curl -sS --noproxy "*" -m 2 http://1.1.1.1/; echo; grep -c : /proc/net/dev')).output,
    ).toMatch(/curl: \(7\)[^]*\n1\n$/);
    expect((await shell.run('env | grep -i proxy | sort | tr "\\n" " "')).output).toMatch(
      /^ALL_PROXY=http:\/\/127.0.0.1:3128 .*NO_PROXY= .*https_proxy=http:\/\/127.0.0.1:3128 no_proxy= $/,
    );
  });

  test('is there in each new shell, and waits for no command', async () => {
    const shell = await world.create({}, { egressSocket: socket });
    expect((await shell.run('sleep 0.01 & wait; curl -sS http://example.test/; exit 1')).output).toBe(
      'GET http://example.test/',
    );
    expect(await shell.run('curl -sS http://example.test/')).toMatchObject({
      output: 'GET http://example.test/',
      isNewShell: true,
    });
  });

  test('is missing where socat is, and the first command says so', async () => {
    await using poor = await SandboxWorld.open({ socat: '/usr/bin/no-such-socat' });
    const shell = await poor.create({}, { egressSocket: socket });
    expect(await shell.run('echo "[$http_proxy]"')).toMatchObject({
      output: expect.stringMatching(/^\(No network: socat is not installed.*\)\n\[\]\n$/),
    });
    expect(await shell.run('echo next')).toMatchObject({ output: 'next\n' });
  });

  test('is no part of the files a shell may change', async () => {
    const shell = await world.create({}, { egressSocket: socket });
    expect(
      (await shell.run('rm /run/muster/egress.sock; touch /run/muster/x')).output.match(/busy|Read-only/g),
    ).toHaveLength(2);
  });

  test('is closed where the broker’s socket is gone: no shell, and none without the broker', async () => {
    const shell = await world.create({}, { egressSocket: join(world.directory, 'gone.sock') });
    await expect(shell.run('true')).rejects.toThrow('gone.sock');
  });
});

describe('a confined program', () => {
  const program = {
    command: 'bash',
    args: ['-c', 'echo "$1"', 'x', "it's one argument"],
    env: {},
    readOnlyPaths: [],
    hasNetwork: false,
  };

  async function outputOf(options: Partial<typeof program> & { readOnlyPaths?: never[] }): Promise<string> {
    const { command, args, env } = await world.sandboxes.confine({ ...program, ...options });
    return (await run(command, args, { env: { ...env, ADDED: 'by the starter' } })).stdout.trim();
  }
  const bash = (script: string): { args: string[] } => ({ args: ['-c', script] });

  test('runs with its arguments and its environment alone', async () => {
    expect(await outputOf({})).toBe("it's one argument");
    expect(await outputOf({ ...bash('env | sort | grep -v "^_=\\|SHLVL"'), env: { TOKEN: 's3cret' } })).toBe(
      'HOME=/tmp/home\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\nPWD=/tmp\nTOKEN=s3cret',
    );
  });

  test('has its secrets on no command line', async () => {
    const { args } = await world.sandboxes.confine({ ...program, env: { TOKEN: 's3cret' } });
    expect(args.join(' ')).not.toContain('s3cret');
  });

  test('is confined as a shell is', async () => {
    const probe =
      'id -u; grep -h "CapEff\\|NoNewPrivs\\|Seccomp:" /proc/self/status | cut -f2; ls /; touch /x /usr/x 2>&1 | grep -c only; ulimit -u; ls /proc/self/fd | wc -l';
    expect((await outputOf(bash(probe))).split('\n')).toEqual([
      ...['1000', '0000000000000000', '1', '2'],
      ...['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'sbin', 'tmp', 'usr', '2', '512', '4'],
    ]);
  });

  test('sees the network only where it may', async () => {
    const devices = bash('grep -c : /proc/net/dev; ls /etc/resolv.conf 2>/dev/null; true');
    expect(await outputOf(devices)).toBe('1');
    expect(await outputOf({ ...devices, hasNetwork: true })).toMatch(/^\d+\n\/etc\/resolv.conf$/);
  });

  test('reads what it is shown', async () => {
    const shown = join(world.directory, 'shown');
    await mkdir(shown, { recursive: true });
    await writeFile(join(shown, 'data'), 'data');
    const { command, args, env } = await world.sandboxes.confine({
      ...program,
      ...bash(`cat ${shown}/data; touch ${shown}/x`),
      readOnlyPaths: [shown],
    });
    await expect(run(command, args, { env })).rejects.toMatchObject({
      stdout: 'data',
      stderr: expect.stringContaining('Read-only'),
    });
  });

  test('speaks over its pipes, and ends with its stdin', async () => {
    const { command, args, env } = await world.sandboxes.confine({ ...program, command: 'cat', args: [] });
    const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.write('hello\n');
    expect(await once(createInterface(child.stdout), 'line')).toEqual(['hello']);
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

describe('without a sandbox, as only an operator says', () => {
  test('commands run with a cleared environment in a process group of their own, and end the same way', async () => {
    await using plain = await SandboxWorld.open({ isolation: 'none' });
    expect(await plain.sandboxes.check()).toEqual({ ok: true, isolation: 'none' });
    const shell = await plain.create({}, { env: { NAME: 'value' } });
    expect((await shell.run('pwd; env | cut -d= -f1 | sort | tr "\\n" " "; exec 3<&0')).output).toMatch(
      new RegExp(`^${shell.root}\nHOME LANG NAME (OLDPWD )?PATH PWD SHLVL _ $`),
    );
    expect(await shell.run('sleep 60', 100)).toMatchObject({ exitCode: null, endedBy: 'timeout' });
    expect(await shell.run('echo next')).toMatchObject({ output: 'next\n', isNewShell: true });
    const apart = await shell.sandbox.runApart('exit 3', { timeoutMs: 5_000, signal: new AbortController().signal });
    expect(apart).toMatchObject({ exitCode: 3 });
    const program = { command: 'env', args: [], env: { A: 'b' }, readOnlyPaths: [], hasNetwork: false };
    expect(await plain.sandboxes.confine(program)).toMatchObject({ command: 'env', args: [], env: { A: 'b' } });
  });
});
