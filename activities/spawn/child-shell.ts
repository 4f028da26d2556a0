import { DEFAULT_VERIFY_TIMEOUT_MS } from '../../workflows/contract/limits.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import { DURATION_HINT, parseDuration } from '../../workflows/policy/duration.ts';
import { MAX_VARIABLES, nameProblem, valueProblem } from '../../workflows/policy/environment.ts';
import { secretKind } from '../observe/redaction.ts';
import { mayRun } from './child-grant.ts';
import type { SpawnParent } from './spawning.ts';
import { shown, type TaskInput } from './task-input.ts';

/** What of a task concerns its shell and its servers, with all that is wrong in it. */
export function childShell(
  parent: SpawnParent,
  given: Pick<Partial<TaskInput>, 'env' | 'mcp_servers' | 'verify'>,
): Pick<Task, 'env' | 'mcpServers' | 'verify'> & { faults: string[] } {
  const env = Object.entries(given.env ?? {}).map(([name, value]): [string, string] => [name, String(value)]);
  const { mcp_servers: servers = [], verify = [] } = given;
  return {
    faults: [...envFaults(env), ...serverFaults(parent, servers), ...verifyFaults(parent, verify)],
    ...(env.length > 0 && { env: Object.fromEntries(env.sort(([a], [b]) => (a < b ? -1 : 1))) }),
    ...(servers.length > 0 && { mcpServers: [...new Set(servers)].sort() }),
    ...(verify.length > 0 && {
      verify: verify.map(({ name, run, timeout }) => ({ name, run, timeoutMs: timeoutOf(timeout) ?? 0 })),
    }),
  };
}

function envFaults(env: readonly [string, string][]): string[] {
  const count = env.length.toString();
  const most = MAX_VARIABLES.toString();
  return [
    ...(env.length > MAX_VARIABLES ? [`\`env\` has ${count} names, more than ${most}; put the rest into a file`] : []),
    ...env.flatMap(([name, value]) => {
      const problem = nameProblem(name) ?? valueProblem(name, value, secretKind(value));
      return problem ? [`env: ${problem.message}; ${problem.hint}`] : [];
    }),
  ];
}

function serverFaults({ mcpServers: allowed }: SpawnParent, names: readonly string[]): string[] {
  if (allowed === undefined) return [];
  const has = allowed.length === 0 ? 'you have none' : `you have ${allowed.join(', ')}`;
  const others = names.filter((name) => !allowed.includes(name));
  return others.map((name) => `mcp_servers: ${shown(name)} is none of yours; ${has}`);
}

function verifyFaults(parent: SpawnParent, verify: NonNullable<TaskInput['verify']>): string[] {
  const names = new Set<string>();
  return verify.flatMap(({ name, run, timeout }) => {
    const isTwin = names.has(name);
    names.add(name);
    return [
      ...(isTwin ? [`verify: the name ${shown(name)} appears twice; write another name`] : []),
      ...(mayRun(parent, run)
        ? []
        : [`verify: your permissions do not include the command ${shown(run)} (NOT_GRANTED); remove it`]),
      ...(timeoutOf(timeout) === undefined ? [`verify: \`timeout\` is ${shown(timeout)}; write ${DURATION_HINT}`] : []),
    ];
  });
}

function timeoutOf(timeout: string | number | undefined): number | undefined {
  return timeout === undefined ? DEFAULT_VERIFY_TIMEOUT_MS : parseDuration(timeout);
}
