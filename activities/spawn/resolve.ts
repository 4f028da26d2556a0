import { MAX_GRAPH_EDGES, MAX_TASKS } from '../../workflows/contract/limits.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import { readDependencies } from '../../workflows/policy/dependencies.ts';
import { isRecord } from '../../workflows/policy/key-names.ts';
import { likeness } from '../../workflows/policy/task-likeness.ts';
import { ChildTaskReading, type ChildTask } from './child-task.ts';
import type { Spawning, SpawnParent } from './spawning.ts';
import { readTaskInput, shown } from './task-input.ts';
import type { TaskLore } from './task-lore.ts';

/** So many faults are told; the rest are likely the same one again. */
const MOST_FAULTS = 50;

interface ReadTask {
  /** Its own, without the parent's. */
  label: string;
  dependsOn: string[];
  task: ChildTask;
}

/** See `Spawning.resolve`. */
export function resolveTasks(
  lore: TaskLore,
  raw: readonly unknown[],
  parent: SpawnParent,
): ReturnType<Spawning['resolve']> {
  const whole = listFault(raw, parent);
  if (whole !== undefined) return { ok: false, faults: [whole] };
  const faults: string[] = [];
  const read = raw.map((one, position) => readOne(lore, one, position, parent, faults));
  const graph = dependencies(read, faults);
  labelFaults(read, parent, faults);
  if (faults.length > 0) {
    const more = faults.length - MOST_FAULTS;
    return {
      ok: false,
      faults: [...faults.slice(0, MOST_FAULTS), ...(more > 0 ? [`and ${more.toString()} more`] : [])],
    };
  }
  const seen = new Map<string, number>();
  const tasks = read.map(({ label, task }, position): Task => {
    const like = likeness(task);
    const occurrence = seen.get(like) ?? 0;
    seen.set(like, occurrence + 1);
    return { ...task, label: wholeLabel(parent, label), dependsOn: graph[position]!, occurrence, ...lineage(parent) };
  });
  return { ok: true, tasks };
}

/** Why none of it can be spawned. */
function listFault(raw: readonly unknown[], { depth, maxDepth }: SpawnParent): string | undefined {
  if (raw.length === 0) return '`tasks` is empty: give at least one task with a prompt';
  if (raw.length > MAX_TASKS) return `${raw.length.toString()} tasks are more than ${MAX_TASKS.toString()}`;
  if (depth + 1 <= maxDepth) return undefined;
  return `no deeper subagents are possible: you stand at depth ${depth.toString()} of at most ${maxDepth.toString()} (--max-depth); do this work yourself`;
}

function readOne(lore: TaskLore, raw: unknown, position: number, parent: SpawnParent, faults: string[]): ReadTask {
  const number = `task ${(position + 1).toString()}`;
  if (!isRecord(raw)) faults.push(`${number} is ${shown(raw)}; write {"prompt": …}`);
  const { given, faults: wrong } = readTaskInput(isRecord(raw) ? raw : { prompt: '-' });
  const reading = new ChildTaskReading(lore, parent, given);
  const task = reading.read();
  const isMissing = given.prompt === undefined && !wrong.some((fault) => fault.includes('`prompt`'));
  const all = [...(isMissing ? ['`prompt` is missing; write what to do'] : []), ...wrong, ...reading.faults];
  const name = given.label === undefined ? number : `${number} (${given.label})`;
  faults.push(...all.map((fault) => `${name}: ${fault}`));
  return { label: given.label ?? `task-${(position + 1).toString()}`, dependsOn: given.depends_on ?? [], task };
}

function dependencies(read: readonly ReadTask[], faults: string[]): number[][] {
  const { graph, edges, twins, unknown, cycle } = readDependencies(read);
  for (const { task, first } of twins)
    faults.push(
      `task ${(task + 1).toString()}: the label ${shown(read[task]!.label)} is that of task ${(first + 1).toString()}; write another`,
    );
  for (const { task, label, near } of unknown) {
    const hint = near === undefined ? 'name tasks of this list' : `write ${JSON.stringify(near)}`;
    faults.push(`${read[task]!.label}: \`depends_on\` names the unknown task ${shown(label)}; ${hint}`);
  }
  if (cycle) faults.push(`tasks wait for each other: ${cycle.names}; remove one of these dependencies`);
  if (edges > MAX_GRAPH_EDGES)
    faults.push(
      `${edges.toString()} dependencies are more than ${MAX_GRAPH_EDGES.toString()}; let tasks wait for one that gathers the others`,
    );
  return graph;
}

/** Labels must differ from those it gave before, and from those its subagents may give: `a/b` would be `b` of `a`. */
function labelFaults(read: readonly ReadTask[], parent: SpawnParent, faults: string[]): void {
  const all = new Set([...parent.labels, ...read.map(({ label }) => wholeLabel(parent, label))]);
  const own = parent.subagent === undefined ? 0 : parent.subagent.label.length + 1;
  for (const { label } of read) {
    const whole = wholeLabel(parent, label);
    if (parent.labels.has(whole))
      faults.push(`the label ${shown(label)} is taken by one you spawned before; write another`);
    const above = own === 0 ? undefined : aboves(whole, own).find((other) => all.has(other));
    if (above !== undefined)
      faults.push(
        `the label ${shown(label)} reads as one that ${shown(above.slice(own))} spawned; write it without the slash`,
      );
  }
}

function aboves(label: string, own: number): string[] {
  return [...label.matchAll(/\//g)].map(({ index }) => label.slice(0, index)).filter(({ length }) => length > own);
}

function wholeLabel({ subagent, labelEnd = '' }: SpawnParent, label: string): string {
  return subagent === undefined ? label : `${subagent.label}/${label}${labelEnd}`;
}

function lineage({ subagent, depth }: SpawnParent): Pick<Task, 'parent' | 'occurrenceOf' | 'depth'> {
  return {
    depth: depth + 1,
    ...(subagent && { parent: { index: subagent.index, label: subagent.label }, occurrenceOf: subagent.label }),
  };
}
