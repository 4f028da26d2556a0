import { BASH } from './box.ts';
import { baseEnvironment, LOCK_ROOT, MADE_FILES, resolverArguments, systemArguments } from './confinement.ts';
import type { ControlGroup } from './control-groups.ts';
import type { SandboxLimits } from './limits.ts';
import { FIRST_TO_GO } from './process-table.ts';
import type { ConfinedProgram } from './sandbox.ts';
import { seccompFilter } from './seccomp.ts';
import { closeInherited, limitsText, quoted } from './shell-text.ts';

interface CommandLine {
  command: string;
  args: string[];
  env: Record<string, string>;
}

const SECCOMP_FD = 3;
const FIRST_FILE_FD = 4;

/**
 * A program in a sandbox as one command line, for whoever starts it with nothing but pipes on stdin, stdout and stderr. A
 * bash clears what the starter may have added to the environment, joins the control group, opens what bubblewrap reads,
 * and becomes bubblewrap. The environment's values are on no command line.
 */
export function confinedCommand(
  program: ConfinedProgram,
  { bwrap, limits, group }: { bwrap: string; limits: SandboxLimits; group: ControlGroup | undefined },
): CommandLine {
  const { readOnlyPaths, hasNetwork } = program;
  const env = { ...baseEnvironment(readOnlyPaths), ...program.env };
  const filter = seccompFilter();
  const files = Object.entries(MADE_FILES);
  const args = [
    ...systemArguments({ readOnlyPaths, limits }),
    ...(hasNetwork ? ['--share-net', ...resolverArguments()] : []),
    ...(filter ? ['--seccomp', SECCOMP_FD.toString()] : []),
    ...files.flatMap(([path], i) => ['--perms', '0644', '--ro-bind-data', (FIRST_FILE_FD + i).toString(), path]),
    ...LOCK_ROOT,
    ...['--chdir', '/tmp', '--'],
    ...[...BASH, '-c', `${closeInherited}${limitsText(limits, { countsProcesses: true })}exec "$@"`, 'confined'],
    ...[program.command, ...program.args],
  ];
  const script = [
    `for name in $(compgen -e); do [[ ${quoted(` ${Object.keys(env).join(' ')} `)} == *" $name "* ]] || unset "$name"; done`,
    `echo ${FIRST_TO_GO} >/proc/self/oom_score_adj`,
    ...(group?.entrances ?? []).map((file) => `echo $$ >${quoted(file)} || exit 1`),
    ...(filter ? [`exec ${SECCOMP_FD.toString()}< <(printf ${quoted(octal(filter))})`] : []),
    ...files.map(([, text], i) => `exec ${(FIRST_FILE_FD + i).toString()}<<<${quoted(text.trimEnd())}`),
    `exec ${quoted(bwrap)} "$@"`,
  ];
  const [command, ...options] = BASH;
  return { command, args: [...options, '-c', script.join('\n'), 'confine', ...args], env };
}

/** As it is, with the worker's rights. */
export function unconfinedCommand({ command, args, env }: ConfinedProgram): CommandLine {
  return { command, args: [...args], env: { ...baseEnvironment([]), ...env } };
}

const octal = (bytes: Buffer): string => [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
