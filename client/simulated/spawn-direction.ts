import { fault, readChoice, readCount, readJson, type Take } from './direction-values.ts';

/*
 *   spawn=4                    a call of spawn_subagents with four tasks, before the steps; several are done in their order
 *     label=part               its tasks are part-1 to part-4 (the default)
 *     prompt="look at {n}"     what each is asked; {n} is its number, {label} its label; may hold directives of its own
 *     task='{"model":"…"}'     more keys of each task
 *     wait=first               or a number; all, where left out
 *     depth=2                  each of them spawns as many in turn, so many levels in all (1)
 *     slip=key                 the first call is wrong and mended after its error: key, permissions, cycle or schema
 *     collect=each             how those still running are awaited: all at once (the default), each by itself, N of them, none
 *     read=5000                the output of the first is read in pages of so many characters
 */

const SLIPS = ['key', 'permissions', 'cycle', 'schema'] as const;
const DEFAULT_LABEL = 'part';
const DEFAULT_PROMPT = 'Look around in {label} and report.';

export type Slip = (typeof SLIPS)[number];
export type Wanted = 'all' | 'first' | number;

/** One `spawn=N` and its keys. */
export interface SpawnDirection {
  count: number;
  label: string;
  prompt: string;
  task: Readonly<Record<string, unknown>>;
  wait: Wanted;
  depth: number;
  collect: Wanted | 'none';
  slip?: Slip;
  /** Characters of a page. */
  read?: number;
}

/** Throws a 400 for a value that cannot be understood. */
export function takeSpawn(take: Take): SpawnDirection | undefined {
  const count = take('spawn');
  if (count === undefined) return undefined;
  const task = readJson('task', take('task') ?? '{}');
  if (typeof task !== 'object' || task === null || Array.isArray(task)) throw fault('task: a JSON object is needed');
  const slip = take('slip');
  const read = take('read');
  const collect = take('collect') ?? 'all';
  return {
    count: Math.max(1, readCount('spawn', count)),
    label: take('label') ?? DEFAULT_LABEL,
    prompt: take('prompt') ?? DEFAULT_PROMPT,
    task: { ...task },
    wait: readWanted('wait', take('wait') ?? 'all'),
    depth: Math.max(1, readCount('depth', take('depth') ?? '1')),
    collect: collect === 'none' ? collect : readWanted('collect', collect === 'each' ? 'first' : collect),
    ...(slip === undefined ? {} : { slip: readChoice('slip', slip, SLIPS) }),
    ...(read === undefined ? {} : { read: Math.max(1, readCount('read', read)) }),
  };
}

/** The tasks of a spawn, as the tool takes them. */
export function tasksOf(spawn: SpawnDirection): Record<string, unknown>[] {
  const { count, depth, task } = spawn;
  const deeper = depth > 1 ? { permissions: { allow: ['spawn_subagents'] } } : {};
  return Array.from({ length: count }, (_, i) => {
    const label = `${spawn.label}-${i + 1}`;
    const asked = spawn.prompt.replaceAll('{n}', String(i + 1)).replaceAll('{label}', label);
    const prompt = depth > 1 ? `${asked}\n${directiveOf({ ...spawn, depth: depth - 1 })}` : asked;
    return { label, prompt, ...deeper, ...task };
  });
}

/** The same tasks with one fault in them. */
export function slipped(tasks: readonly Record<string, unknown>[], slip: Slip): Record<string, unknown>[] {
  const [first = {}, ...rest] = tasks;
  const { prompt, ...unasked } = first;
  switch (slip) {
    case 'key':
      return [{ ...unasked, promt: prompt }, ...rest];
    case 'permissions':
      return [{ ...first, permissions: { allow: ['Bash'] } }, ...rest];
    case 'cycle':
      return [{ ...first, depends_on: [first['label']] }, ...rest];
    case 'schema':
      return [{ ...first, output_schema: { type: 'objct' } }, ...rest];
  }
}

function directiveOf({ count, label, prompt, task, wait, depth, collect }: SpawnDirection): string {
  const pairs = { spawn: count, label, prompt, task: JSON.stringify(task), wait, depth, collect };
  return `[[simulate ${Object.entries(pairs)
    .map(([key, value]) => `${key}=${quoted(String(value))}`)
    .join(' ')}]]`;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

function readWanted(key: string, text: string): Wanted {
  if (text === 'all' || text === 'first') return text;
  return Math.max(1, readCount(key, text));
}
