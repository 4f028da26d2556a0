import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from '../../../client/local/lock.ts';
import { identify } from '../../../client/local/process-identity.ts';

const RACER = join(import.meta.dirname, '../../support/lock-racer.ts');

let directory: string;
let lock: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-lock-'));
  lock = join(directory, 'lock');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function leftovers(): string[] {
  return readdirSync(directory).filter((name) => name.startsWith('lock'));
}

async function killedHolder(): Promise<number> {
  const holder = spawn(process.execPath, [RACER, lock], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  return holder.pid!;
}

test('lets one process in at a time, and breaks the lock of a killed one only once', async () => {
  const counter = join(directory, 'counter');
  writeFileSync(counter, '0');
  await killedHolder();
  expect(leftovers()).toEqual(['lock']);
  const racers = Array.from({ length: 4 }, () =>
    spawn(process.execPath, [RACER, lock, counter, '25'], { stdio: 'inherit' }),
  );
  const codes = await Promise.all(racers.map(async (racer) => ((await once(racer, 'exit')) as [number])[0]));
  expect(codes).toEqual([0, 0, 0, 0]);
  expect(readFileSync(counter, 'utf8')).toBe('100');
  expect(leftovers()).toEqual([]);
});

test('is broken when another process took over the pid of its holder', async () => {
  writeFileSync(lock, JSON.stringify({ pid: process.pid, startTicks: '1', nonce: 'n' }));
  await expect(withLock(lock, async () => 'in')).resolves.toBe('in');
});

test('is waited for while its holder lives, who is named once', async () => {
  const waited: number[] = [];
  const order: string[] = [];
  const { promise: mayLeave, resolve: leave } = Promise.withResolvers<void>();
  const first = withLock(lock, async () => {
    await mayLeave;
    order.push('first');
  });
  const second = withLock(
    lock,
    async () => void order.push('second'),
    (pid) => {
      waited.push(pid);
      leave();
    },
  );
  await Promise.all([first, second]);
  expect({ order, waited }).toEqual({ order: ['first', 'second'], waited: [process.pid] });
});

test('is given back when the work throws', async () => {
  await expect(withLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(leftovers()).toEqual([]);
});

test('is broken when it has been unreadable for long, as after a power cut', async () => {
  writeFileSync(lock, '');
  utimesSync(lock, new Date(0), new Date(0));
  await expect(withLock(lock, async () => 'in')).resolves.toBe('in');
  expect(identify(process.pid)).toMatchObject({ pid: process.pid });
});
