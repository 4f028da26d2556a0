import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Config } from '../../config.ts';
import { missingVariables } from '../operator.ts';
import { ask, ok, warning, type Check } from './check.ts';

/** What the subagents' shells, verifications and local MCP servers need, and what is refused without. */
export async function sandboxChecks({ operator, environment }: Config): Promise<Check[]> {
  const { sandbox, mcpServers } = operator;
  const missing = missingVariables(operator, environment);
  const servers = Object.keys(mcpServers).join(', ');
  return [
    sandbox === 'none' ? unconfined() : await bubblewrap(),
    await socat(),
    limits(),
    ...(servers === '' ? [] : [ok('mcp servers', servers)]),
    ...(missing.length === 0
      ? []
      : [
          warning(
            'mcp variables',
            `not set: ${missing.join(', ')}; no worker starts`,
            'set them, or change mcpServers',
          ),
        ]),
  ];
}

function unconfined(): Check {
  const detail = '`sandbox: none`: whatever a model runs has all your rights on this machine';
  return warning(
    'sandbox',
    detail,
    'remove `sandbox` from your settings and MUSTER_SANDBOX, unless this machine is a cage',
  );
}

/** That it is installed says little: kernels and containers may forbid the namespaces it needs. */
export async function bubblewrap(): Promise<Check> {
  const found = await ask('bwrap', ['--version']);
  const what = 'Bash, `verify` and local MCP servers are refused';
  if (found.output === undefined) return warning('sandbox', `${found.trouble}: ${what}`, 'apt install bubblewrap');
  const box = [
    ...['--unshare-user', '--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv'],
    ...['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '/bin/bash', '-c', 'true'],
  ];
  const { trouble } = await ask('bwrap', box);
  if (trouble === undefined)
    return ok('sandbox', `bubblewrap ${found.output.replace('bubblewrap ', '')}, and a shell starts in it`);
  return warning(
    'sandbox',
    `bubblewrap is installed, but no sandbox starts (${trouble}): ${what}`,
    'allow unprivileged user namespaces: sysctl kernel.unprivileged_userns_clone=1, or ' +
      'kernel.apparmor_restrict_unprivileged_userns=0; in a container --security-opt seccomp=unconfined',
  );
}

/** Carries the traffic of a shell without a network to the broker. */
async function socat(): Promise<Check> {
  const { output, trouble } = await ask('socat', ['-V']);
  const version = /socat version (\S+)/.exec(output ?? '')?.[1];
  if (version !== undefined) return ok('socat', version);
  const detail = `${trouble ?? 'it does not tell its version'}: shells have no network, granted hosts included`;
  return warning('socat', detail, 'apt install socat');
}

/** Control groups bound a whole sandbox, resource limits each of its processes. */
function limits(): Check {
  const group = writableGroup();
  if (group !== undefined) return ok('limits', `memory and processes of a sandbox are bounded by ${group}`);
  const detail = 'no control group may be made: memory is bounded for each process, not for a sandbox as a whole';
  return warning('limits', detail, 'run the worker in a delegated group: systemd-run --user -p Delegate=yes');
}

/** The group of memory this process is in, where groups may be made below it. */
function writableGroup(): string | undefined {
  const mounts = lines('/proc/self/mountinfo').map((line) => {
    const [own = '', of = ''] = line.split(' - ');
    const [, , , root = '', point = ''] = own.split(' ');
    const [type, , options = ''] = of.split(' ');
    return { root, point, type, options: options.split(',') };
  });
  const places = lines('/proc/self/cgroup').flatMap((line) => {
    const [id, names = '', ...path] = line.split(':');
    const mount = mounts.find(({ type, options }) =>
      id === '0' ? type === 'cgroup2' : type === 'cgroup' && names === 'memory' && options.includes('memory'),
    );
    const inside = mount && posix.relative(mount.root, path.join(':'));
    return inside === undefined || inside.startsWith('..') ? [] : [join(mount!.point, inside)];
  });
  return places.find(isGroupToDivide);
}

function isGroupToDivide(place: string): boolean {
  try {
    accessSync(join(place, 'cgroup.procs'), constants.W_OK);
    accessSync(place, constants.W_OK);
    const unified = join(place, 'cgroup.controllers');
    return !existsSync(unified) || /\bmemory\b/.test(lines(unified).join(' '));
  } catch {
    return false;
  }
}

function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
