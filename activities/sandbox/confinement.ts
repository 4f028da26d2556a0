import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BindPlan } from './bind-paths.ts';
import type { SandboxLimits } from './limits.ts';

/** Where the way out of a sandbox is, seen from inside. */
export const EGRESS_SOCKET = '/run/muster/egress.sock';
const HOME = '/tmp/home';
const SYSTEM_PATH = ['/usr/local/bin', '/usr/bin', '/bin'];

/**
 * Of /etc only what programs need to find libraries, certificates and alternatives. Never /etc/ssl or /etc/pki as a whole:
 * they hold private keys that root may read, and a worker's root is the user inside.
 */
const ETC = [
  ...['alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime', 'mime.types', 'protocols', 'services'],
  ...['ssl/certs', 'ssl/openssl.cnf', 'ssl/cert.pem', 'ca-certificates', 'pki/tls/certs', 'pki/tls/cert.pem'],
  ...['pki/tls/openssl.cnf', 'pki/ca-trust/extracted', 'crypto-policies', 'nsswitch.conf'],
].map((name) => `/etc/${name}`);

/** Files of /etc made for every sandbox, which need nothing of the host's. */
export const MADE_FILES = {
  '/etc/passwd': `agent:x:1000:1000:agent:${HOME}:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n`,
  '/etc/group': 'agent:x:1000:\nnogroup:x:65534:\n',
  '/etc/hosts': '127.0.0.1 localhost agent\n::1 localhost\n',
} as const;

/**
 * Of the kernel's own files those that tell about the host, as Docker masks them (docs.docker.com, moby's
 * `DefaultLinuxResourceMasked`, read 2026-11-24). All of /proc is read-only besides: the kernel asks for no capability
 * where the owner of /proc/sys writes to it, and a worker's root is that owner.
 */
const MASKED = [
  'acpi',
  'asound',
  'interrupts',
  'kcore',
  'keys',
  'latency_stats',
  'sched_debug',
  'scsi',
  'timer_list',
  'timer_stats',
];

/** Namespaces, user and capabilities: nothing of the host is left but what is bound afterwards. */
const ISOLATION = [
  ...['--unshare-all', '--unshare-user', '--uid', '1000', '--gid', '1000', '--cap-drop', 'ALL'],
  ...['--die-with-parent', '--new-session', '--hostname', 'agent'],
];

export interface SystemView {
  /** Absolute paths outside /usr to show, read-only. */
  readOnlyPaths: readonly string[];
  limits: SandboxLimits;
}

/** The system a sandboxed program sees: /usr, a little of /etc, own /proc, /dev and /tmp. Ends before /'s own lock. */
export function systemArguments({ readOnlyPaths, limits }: SystemView): string[] {
  const { temporaryBytes } = limits;
  return [
    ...ISOLATION,
    ...['--ro-bind', '/usr', '/usr', ...['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'].flatMap(mergedInto)],
    ...['--perms', '0755', '--dir', '/etc'],
    ...ETC.flatMap((path) => ['--ro-bind-try', path, path]),
    ...['--proc', '/proc', ...MASKED.flatMap(masked), '--remount-ro', '/proc', '--dev', '/dev'],
    ...['--size', Math.ceil(temporaryBytes / 4).toString(), '--perms', '1777', '--tmpfs', '/dev/shm'],
    ...['--remount-ro', '/dev'],
    ...['--size', temporaryBytes.toString(), '--perms', '1777', '--tmpfs', '/tmp', '--perms', '0700', '--dir', HOME],
    ...readOnlyPaths.flatMap((path) => ['--ro-bind', path, path]),
  ];
}

/** The workspace at its own path: read-only, then what may be written, then what must not, then what must not be seen. */
export function workspaceArguments(root: string, plan: BindPlan): string[] {
  const { directory, writable, pinned, readOnly, hidden } = plan;
  return [
    ...['--ro-bind', root, root],
    ...[...writable, ...pinned].flatMap((path) => ['--bind', path, path]),
    ...readOnly.flatMap((path) => ['--ro-bind', path, path]),
    ...hidden.flatMap(({ path, isDirectory }) =>
      isDirectory ? ['--tmpfs', path, '--remount-ro', path] : ['--dev-bind', '/dev/null', path],
    ),
    ...['--chdir', directory],
  ];
}

/** Last of all: the root of the sandbox, where bubblewrap makes mount points, is no place to write. */
export const LOCK_ROOT = ['--remount-ro', '/'];

/** PATH, HOME and LANG of every sandbox. */
export function baseEnvironment(readOnlyPaths: readonly string[]): { PATH: string; HOME: string; LANG: string } {
  const own = readOnlyPaths.map((path) => join(path, 'bin')).filter(isDirectory);
  return { PATH: [...own, ...SYSTEM_PATH].join(':'), HOME, LANG: 'C.UTF-8' };
}

/** Where resolvers look, for programs that share the host's network. */
export function resolverArguments(): string[] {
  try {
    return ['--ro-bind', realpathSync('/etc/resolv.conf'), '/etc/resolv.conf'];
  } catch {
    return [];
  }
}

function masked(name: string): string[] {
  const path = `/proc/${name}`;
  if (!existsSync(path)) return [];
  return isDirectory(path) ? ['--tmpfs', path, '--remount-ro', path] : ['--ro-bind', '/dev/null', path];
}

/** /bin and its like: links into /usr on most systems, directories of their own on some. */
function mergedInto(name: string): string[] {
  const path = `/${name}`;
  try {
    if (lstatSync(path).isSymbolicLink()) return ['--symlink', readlinkSync(path), path];
    return ['--ro-bind', path, path];
  } catch {
    return [];
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
