import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gitFailure } from '../../../activities/workspace/git-failure.ts';
import { runGit } from '../../../activities/workspace/git.ts';
import { isAlive, killOrphans, nameOf, ownName, parseOwner } from '../../../activities/workspace/owner.ts';
import { CloneDenied, WorkspaceFull, WorkspaceUnavailable } from '../../../activities/workspace/workspace.ts';
import { Bench, git } from './git-fixture.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port.toString();

describe('running git', () => {
  it('gives output, codes that are answers, and what it was fed', async () => {
    const call = { cwd: bench.directory };
    expect((await runGit(['hash-object', '--stdin'], { ...call, input: 'x\n' })).stdout.toString()).toBe(
      '587be6b4c3f93f93c489c0111bba5596147a26cb\n',
    );
    writeFileSync(bench.path('in'), 'x\n');
    const files = { inputFile: bench.path('in'), outputFile: bench.path('out') };
    await runGit(['hash-object', '--stdin'], { ...call, ...files });
    expect(readFileSync(bench.path('out'), 'utf8')).toMatch(/^587be6b/);
    expect((await runGit(['config', '--get', 'no.such'], { ...call, answers: [1] })).code).toBe(1);
    await expect(runGit(['no-such-command'], call)).rejects.toThrow(WorkspaceUnavailable);
    await expect(runGit(['status'], { cwd: bench.path('none') })).rejects.toThrow(WorkspaceUnavailable);
  });

  it('reads no configuration of the machine or the user, and asks nobody', async () => {
    const { stdout } = await runGit(['config', '--list', '--show-scope'], { cwd: bench.directory });
    const scopes = new Set(
      stdout
        .toString()
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[0]),
    );
    expect(scopes).toEqual(new Set(['command']));
  });

  it('kills git and what git has started when it is aborted', async () => {
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => sockets.push(socket.resume())).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const abort = new AbortController();
    const url = `http://127.0.0.1:${portOf(server)}/x`;
    const environment = { GIT_ALLOW_PROTOCOL: 'http' };
    const running = runGit(['ls-remote', url], { cwd: bench.directory, signal: abort.signal, environment });
    await once(server, 'connection');
    const closed = once(sockets[0] ?? server, 'close'); // git-remote-http, a grandchild, has died
    abort.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await closed;
    await expect(runGit(['version'], { cwd: bench.directory, signal: abort.signal })).rejects.toThrow('enough');
    server.close();
  });

  it('tells a remote that says no from one that is not there', async () => {
    const answer = async (status: number): Promise<[Server, string]> => {
      const server = createServer((_, response) => response.writeHead(status, { 'www-authenticate': 'Basic' }).end());
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return [server, `http://user:secret@127.0.0.1:${portOf(server)}/repo.git`];
    };
    const ask = (url: string) =>
      runGit(['ls-remote', url], { cwd: bench.directory, environment: { GIT_ALLOW_PROTOCOL: 'http' } }).catch(
        (error: unknown) => error as Error,
      );
    for (const [status, kind] of [
      [401, CloneDenied],
      [403, CloneDenied],
      [404, CloneDenied],
      [500, WorkspaceUnavailable],
    ] as const) {
      const [server, url] = await answer(status);
      const error = await ask(url);
      expect(error, status.toString()).toBeInstanceOf(kind);
      expect(String(error)).not.toContain('secret');
      server.close();
    }
    const [server, url] = await answer(200);
    server.close();
    expect(await ask(url)).toBeInstanceOf(WorkspaceUnavailable);
  });

  it('translates a full disk, and takes terminal controls out of what git says', () => {
    expect(gitFailure(['checkout-index'], 'fatal: write error: No space left on device', 128)).toBeInstanceOf(
      WorkspaceFull,
    );
    expect(gitFailure(['-c', 'a=b', 'fetch'], 'fatal: Authentication failed', 128)).toBeInstanceOf(CloneDenied);
    const message = gitFailure(
      ['apply'],
      'error: \u001b[31mred\u001b[0m\u0007 https://me:token@host/x\nhint: no',
      1,
    ).message;
    expect(message).toBe('git apply ended with 1: error: red https://host/x');
  });

  it('allows no transport unless it is named', async () => {
    const remote = bench.repository('remote', { a: 'a' });
    await expect(runGit(['ls-remote', `file://${remote}`], { cwd: bench.directory })).rejects.toThrow(CloneDenied);
    const environment = { GIT_ALLOW_PROTOCOL: 'file' };
    const { stdout } = await runGit(['ls-remote', `file://${remote}`], { cwd: bench.directory, environment });
    expect(stdout.toString()).toContain(git(remote, 'rev-parse', 'HEAD'));
  });
});

describe('owners', () => {
  it('are told from a later process with the same pid', () => {
    const me = parseOwner(ownName());
    expect(me && isAlive(me)).toBe(true);
    expect(me && isAlive({ ...me, startTicks: '1' })).toBe(process.platform !== 'linux');
    expect(me && isAlive({ ...me, host: '00000000' })).toBeUndefined();
    for (const name of ['', 'x', 'views', '12345678-1', '12345678-x-1']) expect(parseOwner(name)).toBeUndefined();
  });

  it.skipIf(process.platform !== 'linux')('lose the processes they have left when they are dead', async () => {
    const me = parseOwner(ownName());
    const dead = nameOf({ host: me?.host ?? '', pid: 999_999_999, startTicks: '1' });
    const start = (owner: string) =>
      Number(
        execFileSync('sh', ['-c', 'sleep 60 >/dev/null 2>&1 & echo $!'], {
          env: { PATH: '/usr/bin:/bin', MUSTER_WORKSPACE_OWNER: owner },
        }),
      );
    const [orphan, mine] = [start(dead), start(ownName())];
    try {
      await killOrphans();
      expect(isRunning(orphan)).toBe(false);
      expect(isRunning(mine)).toBe(true);
    } finally {
      process.kill(mine);
    }
  });
});

function isRunning(pid: number): boolean {
  const path = `/proc/${pid.toString()}/stat`;
  return existsSync(path) && !/\) Z /.test(readFileSync(path, 'utf8'));
}
