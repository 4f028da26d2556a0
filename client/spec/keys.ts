import { isRecord, nearest, toCamel, toSnake } from '../../workflows/policy/key-names.ts';
import type { FaultList } from './fault-list.ts';
import type { Path } from './source-document.ts';

export { isRecord, nearest, toSnake };

/** How a file spells its keys: YAML has one spelling, JSON takes the API's snake_case and camelCase. */
export type Spelling = 'camel' | 'snake';

export interface KeyTable {
  /** What holds these keys, for messages: 'a task'. */
  owner: string;
  known: ReadonlySet<string>;
  /** Planned keys of later stages: refused, never ignored. */
  later: ReadonlySet<string>;
}

/** Of a task, or of the fleet for all tasks without. */
const INHERITED = ['permissions', 'fallbackModel', 'env', 'verify', 'retry', 'agent', 'projectMemory'];

export const FLEET_KEYS: KeyTable = {
  owner: 'a fleet',
  known: new Set([
    ...['version', 'name', 'description', 'params', 'targets', 'exclude', 'eligible', 'task', 'tasks'],
    ...['maxConcurrentAgents', 'maxTotalAgents', 'maxBudgetUsd', 'failIf', 'mcpServers', ...INHERITED],
    ...['rollout', 'scout'],
  ]),
  later: new Set([...['steps', 'workspaces', 'pullRequest', 'hooks', 'schedule', 'notify']]),
};

export const TASK_KEYS: KeyTable = {
  owner: 'a task',
  known: new Set([
    ...['label', 'prompt', 'workingDirectory', 'repo', 'context', 'model', 'effort', 'thinking', 'timeout'],
    ...['stallTimeout', 'maxTurns', 'maxBudgetUsd', 'outputSchema', 'dependsOn', 'mcpServers', ...INHERITED],
  ]),
  later: new Set(['steps', 'pullRequest', 'hooks']),
};

const NONE: ReadonlySet<string> = new Set();
export const NESTED_KEYS: Readonly<Record<string, KeyTable>> = {
  permissions: { owner: 'permissions', known: new Set(['allow', 'deny', 'mode']), later: NONE },
  repo: { owner: 'repo', known: new Set(['url', 'ref']), later: NONE },
  verify: { owner: 'a verification', known: new Set(['name', 'run', 'timeout']), later: new Set(['judge']) },
  retry: { owner: 'retry', known: new Set(['maxAttempts', 'escalate']), later: NONE },
  mcpServers: {
    owner: 'an MCP server',
    known: new Set(['type', 'command', 'args', 'env', 'url', 'headers']),
    later: NONE,
  },
  failIf: { owner: 'failIf', known: new Set(['rate', 'count']), later: NONE },
  rollout: { owner: 'rollout', known: new Set(['waves', 'scout', 'gate', 'stopOnFailureRate']), later: NONE },
  gate: {
    owner: 'a gate',
    known: new Set(['minCompleted', 'minVerified', 'maxCostPerTarget', 'approval']),
    later: new Set(['minCiGreen', 'minMerged']),
  },
};
export const PARAM_KEYS: KeyTable = {
  owner: 'a parameter',
  known: new Set(['type', 'default', 'pattern', 'description']),
  later: NONE,
};

/** The object with its keys in camelCase; unknown and later keys become faults and are left out. */
export function readKeys(
  object: Record<string, unknown>,
  path: Path,
  table: KeyTable,
  spelling: Spelling,
  faults: FaultList,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const spell = spelling === 'snake' ? toSnake : (key: string) => key;
  for (const key of Object.keys(object)) {
    const camel = table.known.has(key) ? key : toCamel(key);
    const isKnown = table.known.has(camel);
    if (isKnown && (spelling === 'snake' || camel === key)) {
      if (camel in result) faults.addKey([...path, key], `\`${key}\` is given twice`, `keep \`${spell(camel)}\` only`);
      result[camel] = object[key];
    } else if (isKnown) {
      faults.addKey([...path, key], `\`${key}\` is not how YAML files spell it`, `write \`${camel}\``);
      result[camel] ??= object[key];
    } else if (table.later.has(camel)) {
      faults.addKey([...path, key], `\`${key}\` is not supported yet`, 'remove it');
    } else {
      const near = nearest(camel, [...table.known]);
      const hint = near
        ? `write \`${spell(near)}\``
        : `remove it; ${table.owner} has ${[...table.known].map(spell).join(', ')}`;
      faults.addKey([...path, key], `\`${key}\` is no key of ${table.owner}`, hint);
      // Taken for what was meant, so that it is not missed as well.
      if (near !== undefined) result[near] ??= object[key];
    }
  }
  return result;
}

/** Values of keys that hold keys themselves: objects, and lists or maps of objects. In place; their names stay. */
export function readNestedKeys(
  object: Record<string, unknown>,
  path: Path,
  spelling: Spelling,
  faults: FaultList,
): void {
  const nested = (value: unknown, at: Path, key: string): unknown =>
    isRecord(value) ? readKeys(value, at, NESTED_KEYS[key]!, spelling, faults) : value;
  for (const key of Object.keys(NESTED_KEYS)) {
    const value = object[key];
    const at = [...path, key];
    if (key === 'verify' && Array.isArray(value))
      object[key] = value.map((item: unknown, i) => nested(item, [...at, i], key));
    else if (key === 'mcpServers' && isRecord(value))
      object[key] = Object.fromEntries(
        Object.entries(value).map(([name, item]) => [name, nested(item, [...at, name], key)]),
      );
    else if (isRecord(value)) object[key] = nested(value, at, key);
    const inside = object[key];
    if (key === 'rollout' && isRecord(inside)) readNestedKeys(inside, at, spelling, faults);
  }
}
