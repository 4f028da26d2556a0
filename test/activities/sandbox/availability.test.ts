import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { SandboxWorld } from './sandbox-world.ts';

const run = promisify(execFile);

test('a sandbox that starts is found out by starting one', async () => {
  await using world = await SandboxWorld.open();
  expect(await world.sandboxes.check()).toEqual({ ok: true, isolation: 'bubblewrap' });
});

test('without bubblewrap every command is refused with the reason, and none is run', async () => {
  await using world = await SandboxWorld.open({ bwrap: '/usr/bin/no-such-bwrap' });
  expect(await world.sandboxes.check()).toEqual({
    ok: false,
    reason: expect.stringMatching(/not installed.*apt install/),
  });
  const { root, run, sandbox } = await world.create();
  await expect(run('touch ran')).rejects.toMatchObject({ name: 'SandboxUnavailable' });
  const apart = sandbox.runApart('touch ran', { timeoutMs: 1_000, signal: new AbortController().signal });
  await expect(apart).rejects.toMatchObject({ name: 'SandboxUnavailable' });
  const program = { command: 'true', args: [], env: {}, readOnlyPaths: [], hasNetwork: false };
  await expect(world.sandboxes.confine(program)).rejects.toMatchObject({ name: 'SandboxUnavailable' });
  expect(readdirSync(root)).toEqual([]);
});

test('a bubblewrap that does not do its work is no sandbox', async () => {
  await using world = await SandboxWorld.open({ bwrap: '/usr/bin/true' });
  expect(await world.sandboxes.check()).toMatchObject({ ok: false });
});

test('a path of the operator that is missing is named', async () => {
  await using world = await SandboxWorld.open({ readOnlyPaths: ['/opt/no-such-tools'] });
  expect(await world.sandboxes.check()).toEqual({ ok: false, reason: expect.stringContaining('/opt/no-such-tools') });
});

test('where user namespaces are forbidden, the reason says what to allow', async () => {
  const script = `
    import { createSandboxes } from '${new URL('../../../activities/sandbox/sandboxes.ts', import.meta.url).href}';
    import { createLog } from '${new URL('../../../activities/observe/log.ts', import.meta.url).href}';
    const sandboxes = createSandboxes({ isolation: 'bubblewrap', log: createLog('silent') });
    console.log(JSON.stringify(await sandboxes.check()));
    await sandboxes.close();`;
  const { stdout } = await run('unshare', [
    ...['--user', '--map-root-user', 'sh', '-c'],
    ...['echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"', 'sh'],
    ...[process.execPath, '--input-type=module', '-e', script],
  ]);
  expect(JSON.parse(stdout)).toEqual({ ok: false, reason: expect.stringMatching(/namespace.*max_user_namespaces/) });
});

test('a closed sandbox runs nothing more, and closing it twice is fine', async () => {
  await using world = await SandboxWorld.open();
  const { root, sandbox, run } = await world.create();
  await run('sleep 60 &');
  const running = run('touch begun; sleep 60');
  await expect.poll(() => readdirSync(root)).toEqual(['begun']);
  await Promise.all([sandbox.close(), sandbox.close()]);
  expect(await running).toMatchObject({ exitCode: null, endedBy: 'death' });
  await expect(run('true')).rejects.toThrow('closed');
  await world.sandboxes.close();
  await world.sandboxes.close();
});

test('a limit that is none is refused', async () => {
  await expect(SandboxWorld.open({ limits: { processes: 0 } })).rejects.toThrow('the sandbox limit processes is 0');
});
