import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seccompFilter } from '../../../activities/sandbox/seccomp.ts';
import { type Architecture, REFUSED, SYSTEM_CALLS } from '../../../activities/sandbox/system-calls.ts';
import { type Opened, SandboxWorld } from './sandbox-world.ts';

let world: SandboxWorld;
let shell: Opened;
beforeAll(async () => {
  world = await SandboxWorld.open();
  shell = await world.create();
});
afterAll(() => world[Symbol.asyncDispose]());

const calls = SYSTEM_CALLS[process.arch as Architecture];

/** The error a system call gives inside; 'ok' when it gives none. */
async function probe(number: number | undefined, ...args: number[]): Promise<string> {
  const words = [number, ...args].join(', ');
  const { output } = await shell.run(
    `perl -e 'use POSIX; my $r = syscall(${words}); print $r == -1 ? (grep { $!{$_} } qw(EPERM ENOSYS EFAULT EINVAL EBADF EACCES ENOTTY))[0] : "ok"'`,
  );
  return output;
}

describe('the filter of system calls', () => {
  test.each(REFUSED.filter((name) => calls[name] !== undefined))('refuses %s', async (name) => {
    expect(await probe(calls[name], 0, 0, 0, 0, 0)).toBe('EPERM');
  });

  test.each([
    ['packet', 17, 'EPERM'],
    ['netlink', 16, 'EPERM'],
    ['vsock', 40, 'EPERM'],
    ['bluetooth', 31, 'EPERM'],
    ['crypto', 38, 'EPERM'],
    ['unix', 1, 'ok'],
    ['inet', 2, 'ok'],
    ['inet6', 10, 'ok'],
  ])('says to a socket of the family %s (%i): %s', async (_, family, expected) => {
    expect(await probe(calls.socket, family, family === 17 ? 3 : 1, 0)).toBe(expected);
  });

  test('refuses a raw socket, though its family is allowed', async () => {
    expect(await probe(calls.socket, 2, 3, 1)).toBe('EPERM');
  });

  test.each([
    ['user', 0x1000_0000],
    ['mount', 0x0002_0000],
    ['network', 0x4000_0000],
    ['time', 0x80],
  ])('makes no %s namespace', async (_, flag) => {
    expect(await probe(calls.unshare, flag)).toBe('EPERM');
    if (flag !== 0x80) expect(await probe(calls.clone, flag | 17, 0, 0, 0, 0)).toBe('EPERM');
  });

  test('lets unshare take what is no namespace, and programs start threads and processes', async () => {
    expect(await probe(calls.unshare, 0x200)).toBe('ok');
    expect(await probe(calls.clone3, 0, 0)).toBe('ENOSYS');
    expect((await shell.run('(echo a | cat) & wait; unshare --user true')).output).toMatch(
      /^a\nunshare: .*not permitted/,
    );
  });

  test('puts nothing into a terminal’s input', async () => {
    expect(await probe(calls.ioctl, 0, 0x5412, 0)).toBe('EPERM');
    expect(await probe(calls.ioctl, 0, 0x541c, 0)).toBe('EPERM');
    expect(await probe(calls.ioctl, 0, 0x5401, 0)).toBe('ENOTTY');
  });

  test.runIf(process.arch === 'x64')('knows no second set of numbers', async () => {
    expect(await probe(0x4000_0000 + 39)).toBe('EPERM');
  });

  test('is made for the processors it knows, and for no other', () => {
    expect(seccompFilter('arm64')).not.toEqual(seccompFilter('x64'));
    expect(seccompFilter('riscv64')).toBeUndefined();
    expect(seccompFilter('x64')!.length % 8).toBe(0);
  });

  test.each([
    ['x64', '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'],
    ['arm64', '/usr/include/asm-generic/unistd.h'],
  ] as const)('has the numbers of the kernel’s own headers for %s', (architecture, header) => {
    if (!existsSync(header)) return;
    const text = readFileSync(header, 'utf8');
    const numbers = Object.keys(SYSTEM_CALLS[architecture]).map((name) => [
      name,
      Number(new RegExp(`^#define __NR(?:3264)?_${name}\\s+(\\d+)$`, 'm').exec(text)?.[1]),
    ]);
    expect(SYSTEM_CALLS[architecture]).toEqual(Object.fromEntries(numbers));
  });
});
