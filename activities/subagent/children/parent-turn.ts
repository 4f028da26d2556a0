import type { Manifest, Task } from '../../../workflows/contract/task.schema.ts';
import { nearest } from '../../../workflows/policy/key-names.ts';
import type { Children, ChildrenAnswer, WaitFor } from '../../tools/tool.ts';
import type { Workspace } from '../../workspace/workspace.ts';
import type { SubagentParts } from '../parts.ts';
import { withCaps, type CapOf } from './child-caps.ts';
import { outputPage, readChildren, type EndedChild } from './child-results.ts';
import { likeOf, type Child, type Family, type FamilyOf } from './family.ts';
import { holds } from '../../../workflows/policy/index-ranges.ts';
import type { OpenCall } from './open-turn.ts';
import { spawnParent, worksIn } from './spawner.ts';
import { answerText } from './told-results.ts';

export interface ParentTurnOf extends FamilyOf {
  manifest: Manifest;
  workspace: Pick<Workspace, 'hasDirectory'>;
  family: Family;
  /** As of now, but for what this turn has promised. */
  caps: () => CapOf;
  /** Characters that answers may have, for all calls of a turn in which the parent is given these. */
  answerChars: (given: readonly EndedChild[]) => number;
}

const LAST_TURN = 'Not done: this was your last turn, and you would not see what it answers.';

/**
 * The calls of one turn about subagents. What can be answered is answered at once; the rest is gathered, to be asked of
 * the root in one request.
 */
export class ParentTurn {
  readonly tasks: Task[] = [];
  /** By the id of the call. */
  readonly open = new Map<string, OpenCall>();
  /** Those whose results an answer of this turn holds. */
  readonly given: EndedChild[] = [];
  grantedMicroUsd = 0;
  private readonly parts: Pick<SubagentParts, 'records' | 'spawning'>;
  private readonly of: ParentTurnOf;

  constructor(parts: ParentTurn['parts'], of: ParentTurnOf) {
    this.parts = parts;
    this.of = of;
  }

  /** What the tools of the call `id` work with. */
  childrenFor(id: string): Children {
    return {
      spawn: (tasks, wait) => this.spawn(id, tasks, wait),
      collect: (labels, wait) => this.collect(id, labels, wait),
      read: (label, offset, limit) => this.read(label, offset, limit),
    };
  }

  private async spawn(id: string, raw: readonly unknown[], wait: WaitFor): Promise<ChildrenAnswer> {
    if (this.isLastTurn) return wrong(LAST_TURN);
    const { family } = this.of;
    const earlier = await family.all();
    const labels = new Set([...earlier, ...this.tasks.map(({ label }) => ({ wholeLabel: label }))].map(wholeLabelOf));
    const resolved = this.parts.spawning.resolve(raw, spawnParent(this.of, labels, family.labelEnd));
    if (!resolved.ok) return wrong(spawnedNothing(resolved.faults));
    const missing = await this.missingDirectories(resolved.tasks);
    if (missing.length > 0) return wrong(spawnedNothing(missing));
    const caps = this.of.caps();
    const left = caps.leftMicroUsd === undefined ? undefined : caps.leftMicroUsd - this.grantedMicroUsd;
    const capped = withCaps(resolved.tasks, { ...caps, leftMicroUsd: left });
    if ('faults' in capped) return wrong(spawnedNothing(capped.faults));
    const from = this.tasks.length;
    this.tasks.push(...capped.tasks.map((task) => ({ ...task, dependsOn: task.dependsOn.map((at) => at + from) })));
    this.grantedMicroUsd += capped.grantedMicroUsd;
    this.open.set(id, { id, need: needOf(wait, capped.tasks.length), own: [from, capped.tasks.length], earlier: [] });
    return 'later';
  }

  private async collect(id: string, labels: readonly string[] | undefined, wait: WaitFor): Promise<ChildrenAnswer> {
    if (this.isLastTurn) return wrong(LAST_TURN);
    const all = await this.of.family.all();
    const { spawnGiven = [] } = this.of.checkpoint.record;
    const named = (labels ?? []).map((label) => childNamed(label, all));
    const unknown = named.filter((one) => typeof one === 'string');
    if (unknown.length > 0) return wrong([...new Set(unknown)].join('\n'));
    const children =
      labels === undefined
        ? all.filter(({ index }) => !holds(spawnGiven, index))
        : [...new Set(named.filter((one) => typeof one !== 'string'))];
    if (children.length === 0)
      return wrong('There is nothing to collect: you have seen the results of all you spawned.');
    const need = needOf(wait, children.length);
    const read = await readChildren(this.parts.records, this.of.unit.fleetId, children);
    if (read.ended.length < need) {
      this.open.set(id, { id, need, earlier: children.map(({ index }) => index) });
      return 'later';
    }
    this.given.push(...read.ended);
    return { content: answerText(read.told, this.of.answerChars(this.given)) };
  }

  private async read(label: string, offset: number, limit: number): Promise<ChildrenAnswer> {
    const child = childNamed(label, await this.of.family.all());
    if (typeof child === 'string') return wrong(child);
    const found = await this.parts.records.newestResult(this.of.unit.fleetId, child.index);
    if (!found) return wrong(`${child.label} has not ended yet; collect_subagents waits for it.`);
    return { content: outputPage(found.result, offset, limit) };
  }

  /** How many equal tasks this parent gave before, for each (contracts §2, reuse). */
  async counted(tasks: readonly Task[]): Promise<Task[]> {
    const seen = new Map<string, number>();
    const next = (like: string): number => {
      const before = seen.get(like) ?? 0;
      seen.set(like, before + 1);
      return before;
    };
    for (const { like } of await this.of.family.all()) next(like);
    return tasks.map((task) => ({ ...task, occurrence: next(likeOf(task)) }));
  }

  /** Directories of its own workspace that its tasks are to work in, and that are not there. */
  private async missingDirectories(tasks: readonly Task[]): Promise<string[]> {
    const { task, workspace } = this.of;
    const here = tasks.filter((one) => worksIn(one, task)).map((one) => one.workspace.subdirectory);
    const missing: string[] = [];
    for (const path of new Set(here))
      if (path !== task.workspace.subdirectory && !(await workspace.hasDirectory(path)))
        missing.push(
          `\`working_directory\`: there is no directory ${JSON.stringify(path)} in the workspace; look with Glob`,
        );
    return missing;
  }

  private get isLastTurn(): boolean {
    const { task, checkpoint } = this.of;
    return checkpoint.record.turns >= (task.maxTurns ?? Infinity);
  }
}

const wholeLabelOf = ({ wholeLabel }: { wholeLabel: string }): string => wholeLabel;

function needOf(wait: WaitFor, count: number): number {
  if (wait === 'all') return count;
  return Math.min(count, wait === 'first' ? 1 : wait);
}

/** By its own label or the one in the tree; else what is wrong with it. */
function childNamed(label: string, all: readonly Child[]): Child | string {
  const found = all.find((child) => child.label === label) ?? all.find((child) => child.wholeLabel === label);
  if (found) return found;
  if (all.length === 0) return `There is no subagent ${JSON.stringify(label)}: you have spawned none.`;
  const names = all.map((child) => child.label);
  const near = nearest(label, names);
  const some = names.length > 20 ? `${names.slice(0, 20).join(', ')}, …` : names.join(', ');
  const hint = near === undefined ? `You spawned ${some}.` : `Did you mean ${JSON.stringify(near)}?`;
  return `There is no subagent ${JSON.stringify(label)}. ${hint}`;
}

function spawnedNothing(faults: readonly string[]): string {
  return `Nothing was spawned. Mend this and call again:\n${faults.map((fault) => `- ${fault}`).join('\n')}`;
}

const wrong = (content: string): ChildrenAnswer => ({ content, isError: true });
