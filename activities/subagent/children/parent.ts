import type { SubagentRecord } from '../../../workflows/contract/record.schema.ts';
import type { Manifest, Task } from '../../../workflows/contract/task.schema.ts';
import type { SpawnOf, UnitRef } from '../../../workflows/contract/units.ts';
import type { SpawnAnswer } from '../../../workflows/contract/spawn.schema.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { Parked } from '../ending.ts';
import type { SubagentParts } from '../parts.ts';
import type { ToolResult, ToolUse } from '../tool-turn.ts';
import type { WorkPlace } from '../work-place.ts';
import { readChildren, type EndedChild, type ReadChildren } from './child-results.ts';
import { Family } from './family.ts';
import { withIndexes } from '../../../workflows/policy/index-ranges.ts';
import { loadTurn, saveTurn, type OpenCall } from './open-turn.ts';
import { ParentTurn, type ParentTurnOf } from './parent-turn.ts';
import { withPresentFiles } from './spawner.ts';
import { answerText } from './told-results.ts';

export interface ParentOf {
  unit: UnitRef;
  manifest: Manifest;
  task: Task;
  place: WorkPlace;
  checkpoint: Checkpoint;
  caps: ParentTurnOf['caps'];
  /** Characters that answers may have where so much of its own money is promised. */
  answerChars: (grantedMicroUsd: number) => number;
}

/** What the one write of a turn says beside its messages. */
export type TurnChanges = Partial<SubagentRecord>;

/**
 * A subagent as a parent. A turn that waits for subagents is written down with a request to the root, and parks; the
 * dispatch that finds an answer closes it. Asking again changes nothing: the request has a number, and nothing of the turn
 * is run twice.
 */
export class Parent {
  private readonly parts: SubagentParts;
  private readonly of: ParentOf;
  private readonly family: Family;

  constructor(parts: SubagentParts, of: ParentOf) {
    this.parts = parts;
    this.of = of;
    this.family = new Family(parts, of);
  }

  /** A turn begins. */
  turn(): ParentTurn {
    const { family, of } = this;
    return new ParentTurn(this.parts, {
      ...of,
      workspace: of.place.workspace,
      family,
      answerChars: (given) => this.answerChars(given),
    });
  }

  /** Its newest turn waits for subagents. */
  get isWaiting(): boolean {
    return this.of.checkpoint.record.spawnPending !== undefined;
  }

  /**
   * Asks the root for what the calls of a turn wait for, in one durable write with `changes`. Throws `Parked`. `results`:
   * those of the turn's other calls.
   */
  async ask(turn: ParentTurn, uses: readonly ToolUse[], results: ToolResult[], changes: TurnChanges): Promise<never> {
    const { checkpoint, task, place } = this.of;
    const calls = uses.flatMap(({ id }) => turn.open.get(id) ?? []);
    const tasks = await turn.counted(await withPresentFiles(turn.tasks, task, place.workspace));
    const waits = calls.filter(({ need }) => need > 0);
    const request = await this.parts.spawning.ask(
      tasks,
      waits.map(({ need, own, earlier }) => ({ need, earlier, ...(own && { own }) })),
    );
    const { grantedMicroUsd } = turn;
    const order = uses.map(({ id }) => id);
    const spawnTurn = await saveTurn(this.parts.store, { v: 1, order, results, calls, grantedMicroUsd });
    const given = this.accountedFor(turn.given, grantedMicroUsd);
    const seq = (checkpoint.record.spawnSeq ?? 0) + 1;
    await checkpoint.save({
      ...changes,
      ...given,
      spawnSeq: seq,
      spawnPending: request,
      spawnTurn,
      pendingMicroUsd: 0,
    });
    this.parts.log.info({ seq, tasks: tasks.length }, 'subagent waits for subagents of its own');
    throw new Parked({ for: 'spawn', request, seq });
  }

  /** The results of the turn that waits, in the order of its calls. Throws `Parked` where there is nothing to tell yet. */
  async answers(): Promise<{ results: ToolResult[]; changes: TurnChanges }> {
    const { record } = this.of.checkpoint;
    const { spawnPending: request = '', spawnTurn = '', spawnSeq: seq = 0 } = record;
    const answer = await this.parts.spawning.answer(this.spawnOf(seq));
    const { order, results, calls, grantedMicroUsd } = await loadTurn(this.parts.store, spawnTurn);
    if (!answer) throw new Parked({ for: 'spawn', request, seq });
    const read = await this.read(calls, answer);
    if (!read) throw new Parked({ for: 'spawn', request, seq });
    const ended = [...read.values()].flatMap((one) => one.ended);
    const chars = Math.floor(this.answerChars(ended) / Math.max(1, calls.length));
    const told = calls.map((call): ToolResult => {
      const content = read.has(call) ? answerText(read.get(call)!.told, chars) : refusalOf(answer);
      return { type: 'tool_result', tool_use_id: call.id, content, ...(!read.has(call) && { is_error: true }) };
    });
    const unspent = answer.kind === 'refused' ? -grantedMicroUsd : 0;
    return {
      results: [...results, ...told].toSorted((a, b) => order.indexOf(a.tool_use_id) - order.indexOf(b.tool_use_id)),
      changes: { ...this.accountedFor(ended, unspent), spawnPending: undefined, spawnTurn: undefined },
    };
  }

  /** What the record says of those whose results were given now, and of money promised meanwhile. */
  accountedFor(ended: readonly EndedChild[], grantedMicroUsd = 0): TurnChanges {
    const { spawnGiven = [], grantedMicroUsd: before = 0 } = this.of.checkpoint.record;
    const known = new Set(spawnGiven.flatMap(([from, count]) => Array.from({ length: count }, (_, i) => from + i)));
    let granted = before + grantedMicroUsd;
    for (const { index, capMicroUsd, costMicroUsd } of ended) {
      if (known.has(index)) continue;
      known.add(index);
      // Without a cap of its own there was nothing to promise.
      if (this.of.task.maxBudgetMicroUsd !== undefined) granted += costMicroUsd - (capMicroUsd ?? 0);
    }
    return {
      ...(ended.length > 0 && { spawnGiven: withIndexes(spawnGiven, [...known]) }),
      ...(granted !== before && { grantedMicroUsd: granted }),
    };
  }

  /**
   * What each call is answered from, but for those that were refused. undefined: fewer have ended than one waits for, so
   * that somebody else than the root sent the parent back.
   */
  private async read(
    calls: readonly OpenCall[],
    answer: SpawnAnswer,
  ): Promise<Map<OpenCall, ReadChildren> | undefined> {
    const read = new Map<OpenCall, ReadChildren>();
    for (const call of calls) {
      const { own, earlier, need } = call;
      const isAdmitted = answer.kind === 'admitted';
      if (own && !isAdmitted) continue;
      const range = own && isAdmitted ? Array.from({ length: own[1] }, (_, i) => answer.from + own[0] + i) : earlier;
      const found = await readChildren(this.parts.records, this.of.unit.fleetId, await this.family.at(range));
      if (isAdmitted && found.ended.length < need) return undefined;
      read.set(call, found);
    }
    return read;
  }

  /** What it is given now frees money, which pays for a longer answer. */
  private answerChars(ended: readonly EndedChild[]): number {
    const { grantedMicroUsd = this.of.checkpoint.record.grantedMicroUsd ?? 0 } = this.accountedFor(ended);
    return this.of.answerChars(grantedMicroUsd);
  }

  private spawnOf(seq: number): SpawnOf {
    const { fleetId, index, generation } = this.of.unit;
    return { fleetId, spawner: index, generation, seq };
  }
}

const refusalOf = (answer: SpawnAnswer): string => (answer.kind === 'refused' ? answer.message : '');
