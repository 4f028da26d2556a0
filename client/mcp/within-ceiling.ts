import { relative } from 'node:path';
import type { Grant } from '../../workflows/contract/task.schema.ts';
import { attenuate, meet } from '../../workflows/policy/attenuation.ts';
import type { PlannedScript, PlannedTask } from '../spec/plan.ts';
import { ToolFailure } from './tool-failure.ts';

const MAX_NAMED = 5;

export interface Narrowed {
  label: string;
  task: PlannedTask;
  /** What it asked for beyond the ceiling. */
  beyond: string[];
}

/**
 * A task within the ceiling, whose paths are relative to `root`. One that said nothing of permissions (`isModest`) has what
 * is left of them; of the others what goes beyond is named.
 */
export function narrow(task: PlannedTask, root: string, ceiling: Grant, isModest: boolean): Narrowed {
  const child = 'directory' in task.workspace ? relative(root, task.workspace.directory) : '';
  const directories = { parent: '', child };
  const { label, permissions, mcpServers = [] } = task;
  const { grant, beyond } = isModest
    ? { grant: meet(ceiling, permissions, directories), beyond: [] }
    : attenuate(ceiling, permissions, directories);
  // A server is connected whether or not a rule lets its tools be called.
  const servers = mcpServers.filter((server) => !ceiling.allow.some((rule) => namesServer(rule, server)));
  const asked = [...beyond, ...servers.map((name) => `mcp__${name}`)];
  return { label, task: { ...task, permissions: grant }, beyond: asked };
}

/** A script within the ceiling: what its calls have, and what none of them may ask for more than. */
export function narrowScript(
  script: PlannedScript,
  root: string,
  ceiling: Grant,
): { script: PlannedScript; beyond: string[] } {
  const directories = { parent: '', child: relative(root, script.defaults.workspace.directory) };
  const own = script.ceiling && attenuate(ceiling, script.ceiling, directories);
  const permissions = meet(ceiling, script.defaults.permissions, directories);
  const most = own?.grant ?? meet(ceiling, ceiling, directories);
  return {
    script: { ...script, defaults: { ...script.defaults, permissions }, ceiling: most },
    beyond: own?.beyond ?? [],
  };
}

const namesServer = (rule: string, server: string): boolean =>
  rule === '*' || rule === 'mcp__*' || rule === `mcp__${server}` || rule.startsWith(`mcp__${server}__`);

/** Throws `ToolFailure` that names who asked for what. */
export function refuseBeyond(asked: readonly { label: string; beyond: readonly string[] }[]): void {
  const wrong = asked.filter(({ beyond }) => beyond.length > 0);
  if (wrong.length === 0) return;
  const named = wrong.slice(0, MAX_NAMED).map(({ label, beyond }) => `${label}: ${beyond.join(', ')}`);
  const more = wrong.length > MAX_NAMED ? [`and ${wrong.length - MAX_NAMED} more`] : [];
  throw new ToolFailure(
    'not_allowed',
    `this server does not grant what is asked for (GRANT_INVALID): ${[...named, ...more].join('; ')}`,
    'ask for less, or have a person start it with `muster mcp --allow RULE`',
  );
}
