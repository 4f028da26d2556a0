import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { findSessionLeaders, identify, isAlive } from '../../../client/local/process-identity.ts';

test('a process is told from a later one with its pid, and from none', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const identity = identify(child.pid!)!;
  expect(isAlive(identity)).toBe(true);
  expect(isAlive({ ...identity, startTicks: '1' })).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isAlive(identity)).toBe(false);
  expect(identify(child.pid!)).toBeUndefined();
});

test('a zombie is not alive, though its pid answers', async () => {
  // The shell is replaced by a program that never asks after the child it has.
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const pid = Number((await once(parent.stdout, 'data'))[0]);
  try {
    await expect.poll(() => identify(pid) && isAlive(identify(pid)!)).toBe(false);
    expect(() => process.kill(pid, 0)).not.toThrow();
  } finally {
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  }
});

test('where the system tells no start time, only signals are asked', () => {
  expect(isAlive({ pid: process.pid, startTicks: null })).toBe(true);
  expect(isAlive({ pid: 2 ** 22 + 1, startTicks: null })).toBe(false);
});

test('leaders of a session are found by their environment, their children are not', async () => {
  const mark = `muster-test-${process.pid}`;
  const leader = spawn('sh', ['-c', 'sleep 60 & echo up; wait'], {
    detached: true,
    env: { ...process.env, MUSTER_MARK: mark },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(leader.stdout, 'data');
  try {
    expect(findSessionLeaders({ MUSTER_MARK: mark }).map(({ pid }) => pid)).toEqual([leader.pid]);
    expect(findSessionLeaders({ MUSTER_MARK: `${mark}-other` })).toEqual([]);
  } finally {
    process.kill(-leader.pid!, 'SIGKILL');
    await once(leader, 'exit');
  }
});
