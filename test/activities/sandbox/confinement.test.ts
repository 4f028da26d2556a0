import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Opened, SandboxWorld } from './sandbox-world.ts';

let world: SandboxWorld;
let shared: Opened;
beforeAll(async () => {
  world = await SandboxWorld.open();
  shared = await world.create({ 'a.txt': 'a' });
});
afterAll(() => world[Symbol.asyncDispose]());

const output = async (command: string): Promise<string> => (await shared.run(command)).output.trim();

describe('the sandbox', () => {
  test('is a user without capabilities, in namespaces of its own', async () => {
    expect(await output('id -u; id -un; hostname; grep -h Cap /proc/self/status | sort -u | tr -d "\\n\\t"')).toBe(
      `1000\nagent\nagent\n${['Amb', 'Bnd', 'Eff', 'Inh', 'Prm'].map((set) => `Cap${set}:${'0'.repeat(16)}`).join('')}`,
    );
    const ours = await Promise.all(NAMESPACES.map((name) => readFile(`/proc/self/ns/${name}`).catch(() => name)));
    expect(ours).toHaveLength(NAMESPACES.length);
    const inside = await output(`readlink ${NAMESPACES.map((name) => `/proc/self/ns/${name}`).join(' ')}`);
    for (const name of NAMESPACES) expect(inside).not.toContain(readlinkSync(`/proc/self/ns/${name}`));
  });

  test('can gain nothing, and runs under a filter', async () => {
    expect(await output('grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status | tr -d "\\t"')).toBe(
      'NoNewPrivs:1\nSeccomp:2',
    );
  });

  test('holds the system read-only, its own /tmp, and nothing of the host', async () => {
    expect(await output('touch /usr/x /etc/x /x /dev/x /proc/x 2>&1 | grep -c "cannot touch"')).toBe('5');
    expect(await output('ls /; ls /root /home /var /sys /run /etc/shadow /etc/ssl/private 2>/dev/null')).toBe(
      ['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'sbin', 'tmp', 'usr'].join('\n'),
    );
    expect(await output('touch /tmp/x /dev/shm/x && ls /tmp')).toBe(
      'home\nmuster-test-' + world.directory.slice(-6) + '\nx',
    );
  });

  test('writes to nothing of the kernel, owner of it as it may look', async () => {
    const written =
      'for f in $(find /proc/sys /proc/irq /proc/mtrr -type f 2>/dev/null); do [ -w $f ] && echo $f; done';
    expect(
      await output(`${written}; touch /proc/sys/kernel/panic /proc/1/oom_score_adj 2>&1 | grep -c Read-only`),
    ).toBe('2');
    expect(
      await output('cat /proc/self/oom_score_adj /proc/kcore /proc/keys /proc/timer_list 2>&1 | head -c 1000'),
    ).toMatch(/^1000(\n.*(denied|No such file.*))*$/);
    expect(await output('cat /proc/sys/kernel/ostype')).toBe('Linux');
  });

  test('sees its own processes alone, and no secrets in their metadata', async () => {
    expect(await output('ps -e -o comm= > /tmp/all; sort /tmp/all | tr "\\n" " "')).toBe('bash bwrap ps');
    expect(await output('tr "\\0" " " </proc/1/cmdline; cat /proc/1/environ')).toBe(
      '/usr/bin/bwrap --args 3 -- /bin/bash --noprofile --norc',
    );
  });

  test('has no descriptors but 0, 1 and 2, whatever the worker was started with', async () => {
    const listed = await output('bash -c "echo /proc/\\$\\$/fd/*; :"');
    expect(listed.replaceAll(/\S*\//g, '')).toMatch(/^0 1 2( 3)?$/);
  });

  test('has no network and no sockets of the host', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    expect(await output(`(exec 3<>/dev/tcp/127.0.0.1/${port.toString()}) 2>&1 | tail -1`)).toMatch(/refused/);
    expect(await output('(exec 3<>/dev/tcp/1.1.1.1/53) 2>&1 | tail -1')).toMatch(/unreachable/);
    expect(await output('ls /sys/class/net /run /var/run 2>&1; grep -c : /proc/net/dev')).toMatch(/1$/);
    server.close();
  });

  test('keeps files of the workspace owned by whoever runs the worker', async () => {
    await shared.run('echo new > new.txt');
    expect(await readFile(join(shared.root, 'new.txt'), 'utf8')).toBe('new\n');
    expect(statSync(join(shared.root, 'new.txt')).uid).toBe(process.getuid!());
  });

  test('shows no other workspace', async () => {
    const other = await world.create({ 'secret.txt': 'secret' });
    expect(await output(`cat ${other.root}/secret.txt 2>&1; ls ${world.directory}`)).toMatch(/No such file[^]*\nw1$/);
  });

  test('shows what the operator names, read-only, with its programs on the PATH', async () => {
    await mkdir(join(world.directory, 'tools/bin'), { recursive: true });
    const program = join(world.directory, 'tools/bin/greet');
    await writeFile(program, '#!/bin/sh\necho hello\n');
    await chmod(program, 0o755);
    await using own = await SandboxWorld.open({ readOnlyPaths: [join(world.directory, 'tools')] });
    const shell = await own.create();
    expect(await shell.run(`greet; touch ${world.directory}/tools/x`)).toMatchObject({
      output: expect.stringMatching(/^hello\ntouch: .*Read-only/),
    });
  });
});

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

describe('the workspace in the sandbox', () => {
  const files = {
    'src/a.ts': 'a',
    'src/keys/k.pem': 'key',
    'docs/b.md': 'b',
    '.env': 'SECRET=1',
    'private/p.txt': 'p',
  };

  test('can be written where it may be, and read elsewhere', async () => {
    const { run } = await world.create(files, { writable: ['src'], readOnly: ['src/keys'] });
    expect((await run('echo x > src/new.ts && cat docs/b.md')).output).toBe('b');
    expect(
      (await run('touch docs/x x src/keys/x; rm -r src/keys; mv docs src/d')).output.match(/Read-only|busy/g),
    ).toHaveLength(5);
  });

  test('looks empty where it is hidden', async () => {
    const { run } = await world.create(files, { hidden: ['.env', 'private', 'missing'] });
    expect((await run('cat .env; ls private; cat src/a.ts')).output).toBe('a');
    expect((await run('rm -r .env private; mv private p2; touch private/x; ls -A')).output).toMatch(
      /busy[^]*\.env\ndocs\nprivate\nsrc\n$/,
    );
    expect((await run('grep -r SECRET . ; true')).output).toBe('');
  });

  test('cannot be moved away from what hides or protects it, not for the next shell either', async () => {
    const options = { hidden: ['src/keys/k.pem'], readOnly: ['docs/b.md'] };
    const { root, run } = await world.create(files, options);
    const moved = await run('mv src s2; mv src/keys k2; mv docs d2; rm -rf src docs; cat src/keys/k.pem; exit 1');
    expect(moved.output.match(/busy/gi)?.length).toBeGreaterThanOrEqual(3);
    expect((await run('find . -name k.pem -exec cat {} +; echo x > docs/b.md')).output).toMatch(
      /^[^\n]*Read-only[^\n]*\n$/,
    );
    expect(await readFile(join(root, 'docs/b.md'), 'utf8')).toBe('b');
    expect((await run('mv private p2 && cat p2/p.txt')).output).toBe('p');
  });

  test('gets a writable directory that is missing, and no more', async () => {
    const { root, run } = await world.create(files, { writable: ['build/out'] });
    expect((await run('echo x > build/out/y; touch build/z')).output).toMatch(/build\/z.*Read-only/);
    expect(await readFile(join(root, 'build/out/y'), 'utf8')).toBe('x\n');
  });

  test('never becomes writable through a symbolic link', async () => {
    const shell = await world.create(files, { writable: ['link', 'src/in/deep', 'docs'] });
    const outside = join(world.directory, 'outside');
    await mkdir(join(outside, 'deep'), { recursive: true });
    await symlink(outside, join(shell.root, 'link'));
    await symlink(outside, join(shell.root, 'src/in'));
    const outcome = await shell.run('touch link/x src/in/deep/x; touch docs/fine; ls docs');
    expect(outcome.output).toMatch(/link\/x.*\n.*src\/in\/deep\/x.*\nb.md\nfine\n$/);
    expect(readdirSync(outside)).toEqual(['deep']);
  });

  test.each([
    ['changed', { readOnly: ['src/keys'] }],
    ['read', { hidden: ['src/keys'] }],
  ])('starts no shell where a link stands in for what must not be %s', async (verb, options) => {
    const shell = await world.create({ 'src/a.ts': 'a' }, options);
    await symlink('/etc', join(shell.root, 'src/keys'));
    await expect(shell.run('true')).rejects.toMatchObject({
      name: 'SandboxUnavailable',
      message: expect.stringContaining(`src/keys must not be ${verb}`),
    });
    await rm(join(shell.root, 'src/keys'));
    expect(await shell.run('true')).toMatchObject({ exitCode: 0 });
  });

  test('may lose its working directory: the next shell starts above it', async () => {
    const shell = await world.create(files, { directory: 'src/keys' });
    await shell.run('rm -r ../../src; ln -s /etc ../../src; exit 1');
    expect((await shell.run('pwd')).output).toBe(`${shell.root}\n`);
  });

  test('fails alone when it is gone', async () => {
    const shell = await world.create(files);
    await rm(shell.root, { recursive: true });
    await expect(shell.run('true')).rejects.toThrow('the workspace is gone');
    expect((await shared.run('echo fine')).output).toBe('fine\n');
  });

  test.each(['../outside', 'src/../../outside'])('binds nothing that is not plainly inside: %s', async (path) => {
    const { sandbox, root } = await world.create();
    const odd = world.sandboxes.create({
      owner: 'odd',
      root,
      directory: root,
      writable: [`${root}/${path}`],
      readOnly: [],
      env: {},
    });
    await expect(odd.run('true', { timeoutMs: 1_000, signal: new AbortController().signal })).rejects.toThrow(
      'not a plain path',
    );
    await sandbox.close();
  });
});
