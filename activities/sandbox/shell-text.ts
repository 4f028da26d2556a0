import { EGRESS_SOCKET } from './confinement.ts';
import type { SandboxLimits } from './limits.ts';

const PROXY_PORT = 3128;
/** The kernel's table shows ports in hexadecimal, and a listening socket by the state 0A. */
const LISTENING = `:${PROXY_PORT.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`;

/** As one word of bash. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * One command for a shell that reads its script from stdin. The command reads nothing of it, and whatever it does to its
 * own stdout and stderr is undone when it has ended; the nonce is read no earlier. Options that would trip up the lines
 * around commands (`set -e`, `set -x`) end with the command that set them. The empty line takes bash's parser out of a
 * state that unbalanced quotes in an `eval` leave it in.
 */
export function commandText(command: string, nonce: string): string {
  const streams = '</dev/null 1>&2 2>&1';
  // Bash 5.2 damages its memory over a substitution without an end: a child of it reads such a command first.
  const options = command.includes('extglob') ? 'builtin shopt -s extglob; ' : '';
  const reading = `( builtin eval ${quoted(`${options}builtin set -n\n${command}`)} ) ${streams}`;
  const isDoubtful = /[$<>][({]|`/.test(command);
  return `${isDoubtful ? `${reading} && ` : ''}builtin eval ${quoted(command)} ${streams}\n\n${endText(nonce)}`;
}

export function endText(nonce: string): string {
  return `{ builtin printf '\\036%s %d\\036' ${nonce} "$?"; builtin set +exuv; } 2>/dev/null\n`;
}

/** Descriptors a worker was started with, and never knew of, end here: 0 to 2 are left. */
export const closeInherited =
  'for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ "$fd" -gt 2 ] && builtin eval "exec $fd>&-"; done; unset fd\n';

/**
 * Limits of every process of a sandbox. Set inside: only there the number of processes is that of the sandbox.
 */
export function limitsText(limits: SandboxLimits, { countsProcesses }: { countsProcesses: boolean }): string {
  const kib = (bytes: number): string => Math.ceil(bytes / 1024).toString();
  const wanted = [
    ['-c', '0'],
    ['-f', kib(limits.fileBytes)],
    ['-d', kib(limits.processMemoryBytes)],
    ...(countsProcesses ? [['-u', limits.processes.toString()]] : []),
  ];
  // One that fails is one the worker itself is bound to more narrowly.
  const set = wanted.map(([flag = '', value = '']) => `builtin ulimit ${flag} ${value}`).join('; ');
  return `{ ${set}; } 2>/dev/null\n`;
}

/** Names bash cannot export are left out: the environment of a program has no use for them either. */
export function environmentText(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .filter(([name, value]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !value.includes('\0'))
    .map(([name, value]) => `builtin export ${name}=${quoted(value)} 2>/dev/null\n`)
    .join('');
}

/**
 * The one way out: a relay from a port of the sandbox to the broker's socket. An orphan, so that a command's `wait` does
 * not wait for it. Waits up to 2 s until it listens.
 */
export function relayText(socat: string): string {
  const proxy = `http://127.0.0.1:${PROXY_PORT.toString()}`;
  const names = ['http_proxy', 'https_proxy', 'all_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'];
  const listen = `TCP-LISTEN:${PROXY_PORT.toString()},bind=127.0.0.1,fork,reuseaddr`;
  return [
    `( ${socat} ${listen} UNIX-CONNECT:${EGRESS_SOCKET} </dev/null >/dev/null 2>&1 & )`,
    `for _ in {1..200}; do [[ $(</proc/net/tcp) == *${quoted(LISTENING)}* ]] && break; /usr/bin/sleep 0.01; done; unset _`,
    `export ${names.map((name) => `${name}=${proxy}`).join(' ')} NO_PROXY= no_proxy=`,
    '',
  ].join('\n');
}

/** What the first command of a shell says where the way out cannot be opened. */
export const noRelayText =
  "builtin echo '(No network: socat is not installed on the worker, so granted hosts cannot be reached from the shell.)'\n";
