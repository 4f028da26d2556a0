import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownTrees } from '../../../activities/sandbox/control-group-tree.ts';
import { type Opened, SandboxWorld } from './sandbox-world.ts';

const MIB = 2 ** 20;

let world: SandboxWorld;
let bystander: Opened;
beforeAll(async () => {
  const limits = {
    memoryBytes: 128 * MIB,
    processes: 100,
    diskBytes: 48 * MIB,
    fileBytes: 40 * MIB,
    temporaryBytes: 16 * MIB,
  };
  world = await SandboxWorld.open({ limits });
  bystander = await world.create();
  await bystander.run('x=untouched; sleep 600 & job=$!');
});
afterAll(() => world[Symbol.asyncDispose]());

/** How long the other sandbox's commands took while something ran; each of them must answer. */
async function beside<T>(running: Promise<T>): Promise<{ outcome: T; slowestMs: number }> {
  let isRunning = true;
  const over = running.finally(() => (isRunning = false));
  let slowestMs = 0;
  do {
    const { output, isNewShell, durationMs } = await bystander.run('echo $x; kill -0 $job && echo alive');
    expect({ output, isNewShell }).toEqual({ output: 'untouched\nalive\n', isNewShell: false });
    slowestMs = Math.max(slowestMs, durationMs);
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (isRunning);
  return { outcome: await over, slowestMs };
}

function isRunning(command: string): boolean {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').startsWith(command);
    } catch {
      return false;
    }
  });
}

const hasGroups = ownTrees().some(({ controllers }) => controllers.includes('memory'));

describe('beside another sandbox that does not notice', () => {
  test('a fork bomb stays within its number of processes and ends at its timeout', async () => {
    const shell = await world.create();
    const { outcome, slowestMs } = await beside(shell.run('bomb() { bomb | bomb & }; bomb; wait; sleep 30', 1_500));
    expect(outcome).toMatchObject({ exitCode: null, endedBy: 'timeout' });
    expect(outcome.output).toContain('Resource temporarily unavailable');
    expect(slowestMs).toBeLessThan(1_000);
    expect(await shell.run('pgrep -c bash; echo next')).toMatchObject({ output: '1\nnext\n', isNewShell: true });
  });

  test.runIf(hasGroups)('a memory bomb is ended for want of memory, and its shell lives on', async () => {
    const shell = await world.create();
    await shell.run('x=5');
    const { outcome } = await beside(shell.run('perl -e \'$x .= "a" x 1_000_000 while 1\''));
    expect(outcome).toMatchObject({ exitCode: null, endedBy: 'memory' });
    expect(await shell.run('echo $x')).toMatchObject({ output: '5\n', isNewShell: false });
  });

  test.runIf(hasGroups)('many processes that share a memory bomb fare no better', async () => {
    const shell = await world.create();
    const many = 'for i in 1 2 3 4 5 6; do perl -e \'$x = "a" x 40_000_000; sleep 30\' & done; wait -n; wait';
    const { outcome } = await beside(shell.run(`${many}; exit 1`, 3_000));
    expect(outcome.endedBy).toBe('memory');
  });

  test('a process that asks for more memory than one may have gets none', async () => {
    await using narrow = await SandboxWorld.open({ limits: { processMemoryBytes: 64 * MIB } });
    const shell = await narrow.create();
    expect(await shell.run('perl -e \'$x = "a" x 100_000_000\'')).toMatchObject({
      exitCode: 12,
      output: expect.stringContaining('Out of memory'),
    });
  });

  test.each([
    ['many files', 'for i in {1..100}; do head -c 4M /dev/zero > fill$i; done; sleep 30'],
    [
      'files it has deleted',
      'for i in {20..35}; do eval "exec $i>gone"; rm gone; head -c 4M /dev/zero >&$i; done; sleep 30',
    ],
    ['files of a background job', '(for i in {1..100}; do fallocate -l 4M fill$i; done) & sleep 30'],
    ['a file that grows by being copied', 'head -c 30M /dev/zero > a; for i in {1..20}; do cp a b$i; done; sleep 30'],
  ])('what fills the disk with %s is ended', async (_, command) => {
    const shell = await world.create();
    const { outcome } = await beside(shell.run(command));
    expect(outcome).toMatchObject({ exitCode: null, endedBy: 'disk' });
  });

  test('what was there before is nobody’s filling, and a rewrite is no growth', async () => {
    const shell = await world.create({ 'old.bin': 'x'.repeat(60 * MIB) });
    const made = statSync(join(shell.root, 'old.bin')).ctimeMs;
    await expect.poll(() => Date.now() - made).toBeGreaterThan(100);
    const rewrites = 'for i in {1..30}; do head -c 8M /dev/zero > a; sync a; done';
    expect((await beside(shell.run(rewrites))).outcome).toMatchObject({ exitCode: 0 });
  });

  test('a file too large is cut off, and /tmp is only so big', async () => {
    const shell = await world.create();
    expect(await shell.run('head -c 60M /dev/zero > big; stat -c %s big')).toMatchObject({
      output: expect.stringContaining(`${(40 * MIB).toString()}\n`),
    });
    await shell.run('rm big');
    expect((await shell.run('head -c 20M /dev/zero > /tmp/x; head -c 20M /dev/zero > /dev/shm/x')).output).toMatch(
      /No space left[^]*No space left/,
    );
  });

  test('a gigabyte of output is ended, its beginning and end are kept', async () => {
    const shell = await world.create();
    const before = process.memoryUsage.rss();
    const { outcome } = await beside(shell.run('echo first; yes "a line of output" | head -c 1G; echo last'));
    expect(outcome).toMatchObject({ exitCode: null, endedBy: 'output' });
    expect(outcome.outputBytes).toBeGreaterThanOrEqual(64 * MIB);
    expect(outcome.outputBytes).toBeLessThan(80 * MIB);
    expect(outcome.output).toMatch(/^first\na line of output\n[^]*bytes left out[^]*output/);
    expect(outcome.output.length).toBeLessThan(1.1 * MIB);
    expect(process.memoryUsage.rss() - before).toBeLessThan(300 * MIB);
    expect(await shell.run('echo next')).toMatchObject({ output: 'next\n', isNewShell: true });
  });

  test('a background job that prints without end loses its shell', async () => {
    const shell = await world.create();
    await shell.run('yes a line of the endless job & until pgrep -x yes >/dev/null; do :; done');
    await expect.poll(() => isRunning('yes a line of the endless job'), { timeout: 10_000 }).toBe(false);
    expect(await shell.run('echo next')).toMatchObject({ output: 'next\n', isNewShell: true });
  });

  test('10,000 files are made, listed and removed', async () => {
    const shell = await world.create();
    const { outcome } = await beside(
      shell.run('mkdir d; for i in {1..10000}; do : > d/$i; done; ls d | wc -l; rm -r d'),
    );
    expect(outcome).toMatchObject({ exitCode: 0, output: '10000\n' });
  });
});
