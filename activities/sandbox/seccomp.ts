import { type Architecture, REFUSED, SYSTEM_CALLS } from './system-calls.ts';

/** Classic BPF as seccomp(2) runs it: 8 bytes an instruction, jumps count the instructions they leave out. */
const LOAD = 0x20;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const IF_ANY_BIT = 0x45;
const RETURN = 0x06;

/** Offsets in `struct seccomp_data`; of an argument its lower half, which is where flags and families are. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;
const SECOND_ARGUMENT = 24;

const ALLOW = 0x7fff_0000;
const EPERM = 0x0005_0001;
/** What an old kernel would say: libraries fall back to a call whose flags can be looked at. */
const ENOSYS = 0x0005_0026;

/** AUDIT_ARCH_* of linux/audit.h. */
const AUDIT: Readonly<Record<Architecture, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };
/** Calls of x64 with 32-bit pointers share the architecture and begin here. */
const X32 = 0x4000_0000;

const SOCKET_FAMILIES = { unix: 1, inet: 2, inet6: 10 };
/** CLONE_NEW*: cgroup, uts, ipc, user, pid, net and mount namespaces. */
const NAMESPACES = 0x7e02_0000;
/** Only of unshare(2): in clone(2) these bits are the signal at exit. */
const TIME_NAMESPACE = 0x80;
/** Both put characters into a terminal's input. */
const TERMINAL_INPUT = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c };

type Instruction = readonly [code: number, k: number, ifTrue?: number, ifFalse?: number];

/**
 * A filter for `bwrap --seccomp`: kernel administration, other namespaces, foreign processes, I/O rings and sockets other
 * than unix and internet ones answer EPERM; all else is allowed. Undefined on a processor it does not know.
 */
export function seccompFilter(architecture: string = process.arch): Buffer | undefined {
  if (architecture !== 'x64' && architecture !== 'arm64') return undefined;
  const calls = SYSTEM_CALLS[architecture];
  return encoded([
    [LOAD, ARCHITECTURE],
    // A program of another architecture: its numbers mean other calls.
    [IF_EQUAL, AUDIT[architecture], 1, 0],
    [RETURN, EPERM],
    [LOAD, NUMBER],
    [IF_AT_LEAST, X32, 0, 1],
    [RETURN, EPERM],
    ...REFUSED.flatMap((name) => onCall(calls[name], [[RETURN, EPERM]])),
    ...onCall(calls.clone3, [[RETURN, ENOSYS]]),
    ...onCall(calls.socket, onlyValues(FIRST_ARGUMENT, Object.values(SOCKET_FAMILIES))),
    ...onCall(calls.clone, withoutBits(FIRST_ARGUMENT, NAMESPACES)),
    ...onCall(calls.unshare, withoutBits(FIRST_ARGUMENT, NAMESPACES | TIME_NAMESPACE)),
    ...onCall(calls.ioctl, exceptValues(SECOND_ARGUMENT, Object.values(TERMINAL_INPUT))),
    [RETURN, ALLOW],
  ]);
}

/** `then` must return on every path, so that the number stays loaded for the next. */
function onCall(number: number | undefined, then: readonly Instruction[]): Instruction[] {
  return number === undefined ? [] : [[IF_EQUAL, number, 0, then.length], ...then];
}

function onlyValues(offset: number, values: readonly number[]): Instruction[] {
  const tests = values.map((value, i): Instruction => [IF_EQUAL, value, values.length - i, 0]);
  return [[LOAD, offset], ...tests, [RETURN, EPERM], [RETURN, ALLOW]];
}

function exceptValues(offset: number, values: readonly number[]): Instruction[] {
  const tests = values.map((value, i): Instruction => [IF_EQUAL, value, values.length - i, 0]);
  return [[LOAD, offset], ...tests, [RETURN, ALLOW], [RETURN, EPERM]];
}

function withoutBits(offset: number, bits: number): Instruction[] {
  return [
    [LOAD, offset],
    [IF_ANY_BIT, bits, 0, 1],
    [RETURN, EPERM],
    [RETURN, ALLOW],
  ];
}

function encoded(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, k, ifTrue = 0, ifFalse = 0], i) => {
    bytes.writeUInt16LE(code, i * 8);
    bytes.writeUInt8(ifTrue, i * 8 + 2);
    bytes.writeUInt8(ifFalse, i * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, i * 8 + 4);
  });
  return bytes;
}
