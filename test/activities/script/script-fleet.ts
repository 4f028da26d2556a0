import type { ScriptRoom } from '../../../activities/script/parts.ts';
import { runScript } from '../../../activities/script/run-script.ts';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import { MAX_SCRIPT_NEWS } from '../../../workflows/contract/limits.ts';
import { ScriptExchange } from '../../../workflows/contract/spawn.schema.ts';
import type { Result, Task } from '../../../workflows/contract/task.schema.ts';
import type { ArtifactRef, ScriptError, ScriptOutcome, ScriptRef } from '../../../workflows/contract/units.ts';
import type { ScriptWorld } from './script-world.ts';

/** How an agent ends; left out: it completes, and its output is its prompt in capitals. */
export type Answer = (task: Task, index: number) => Partial<Result>;

export const never = new AbortController().signal;

interface Of {
  fleetId: string;
  manifest: ArtifactRef;
  maxTotalAgents: number;
  budgetMicroUsd: number | null;
}

const shout: Answer = ({ prompt }) => ({ output: prompt.toUpperCase() });

/** The root of a fleet with a script: admits, has agents end, and goes from one exchange to the next. */
export class ScriptFleet {
  /** By index. */
  readonly tasks: Task[] = [];
  readonly of: Of;
  exchange = 0;
  spentMicroUsd = 0;
  private readonly world: ScriptWorld;
  private open: number[] = [];
  private decided: [number, boolean][] = [];
  private asked: { exchange: number; title: string; hash: string }[] = [];

  constructor(world: ScriptWorld, of: Of) {
    this.world = world;
    this.of = of;
  }

  get openApprovals(): { exchange: number; title: string; hash: string }[] {
    return this.asked;
  }

  get openCount(): number {
    return this.open.length;
  }

  ref(ended: number[] = []): ScriptRef {
    const { fleetId, manifest, budgetMicroUsd } = this.of;
    const { exchange, decided, spentMicroUsd } = this;
    return { v: 1, fleetId, manifest, generation: 1, exchange, ended, decided, spentMicroUsd, budgetMicroUsd };
  }

  /** One more exchange; `ended` by index have results in the store already. */
  async next(room: ScriptRoom, ended: number[] = []): Promise<ScriptOutcome> {
    this.exchange++;
    const outcome = await runScript(room, this.ref(ended), never);
    await this.came(outcome);
    return outcome;
  }

  /** What a root does with an outcome. */
  async came(outcome: ScriptOutcome): Promise<void> {
    this.decided = [];
    if (outcome.kind === 'ended') return;
    this.asked.push(...outcome.asks.map((ask) => ({ exchange: this.exchange, ...ask })));
    if (outcome.request === null) return;
    const { fleetId, manifest, maxTotalAgents } = this.of;
    const [from, room] = [this.tasks.length, maxTotalAgents - this.tasks.length];
    const spawn = { fleetId, spawner: 'script' as const, generation: 1, seq: this.exchange };
    const admission = await this.world.admit({ ...spawn, request: outcome.request, from, room });
    if (admission.kind === 'refused') return;
    for await (const task of this.world.records.tasks(manifest, from, admission.count)) this.tasks.push(task);
    this.open.push(...Array.from({ length: admission.count }, (_, i) => from + i));
  }

  decide(isApproved: boolean): void {
    const [first, ...others] = this.asked;
    this.asked = others;
    this.decided.push([first!.exchange, isApproved]);
  }

  /** Has the first `count` open agents end, in this order of indexes or as they are. */
  async end(answer: Answer = shout, count = MAX_SCRIPT_NEWS): Promise<number[]> {
    const ended = this.open.splice(0, count);
    for (let i = 0; i < ended.length; i += 50)
      await Promise.all(ended.slice(i, i + 50).map((index) => this.leave(index, answer(this.tasks[index]!, index))));
    return ended;
  }

  async leave(index: number, result: Partial<Result>, generation = 1): Promise<void> {
    const whole = resultOf(this.tasks[index]!.label, result);
    const key = recordKeys.subagent(this.of.fleetId, index, generation);
    await this.world.store.writeRecord(key, subagentRecord(whole), 0);
  }

  /** Until the script ends: all open agents end before each exchange. */
  async run(
    room: ScriptRoom,
    answer: Answer = shout,
    { news = MAX_SCRIPT_NEWS, exchanges = 1_000 } = {},
  ): Promise<Ended> {
    let outcome = await this.next(room);
    while (outcome.kind === 'waits') {
      if (this.exchange >= exchanges) throw new Error(`no end after ${exchanges.toString()} exchanges`);
      if (this.asked.length > 0) this.decide(true);
      outcome = await this.next(room, await this.end(answer, news));
    }
    const end = outcome.outcome;
    return 'error' in end
      ? { value: undefined, error: end.error }
      : { value: await this.valueOf(outcome), error: undefined };
  }

  /** What it has returned; throws where it has not. */
  async valueOf(outcome: ScriptOutcome): Promise<unknown> {
    if (outcome.kind !== 'ended' || 'error' in outcome.outcome) throw new Error(JSON.stringify(outcome));
    const { value } = outcome.outcome;
    return value === null ? undefined : (JSON.parse(await this.world.text(value)) as unknown);
  }

  async record(exchange: number): Promise<ScriptExchange> {
    const found = await this.world.store.readRecord(recordKeys.exchange(this.of.fleetId, 1, exchange));
    return ScriptExchange.parse(found?.value);
  }

  async said(): Promise<string[]> {
    const said: string[] = [];
    for (let n = 1; n <= this.exchange; n++)
      said.push(...(await this.record(n)).progress.map(({ kind, text }) => `${kind}: ${text}`));
    return said;
  }
}

export interface Ended {
  value: unknown;
  error: ScriptError | undefined;
}

function resultOf(label: string, of: Partial<Result>): Result {
  return {
    ...{ label, status: 'completed', output: null, model: 'claude-sonnet-5-5', num_turns: 1, total_cost_usd: 0 },
    usage: { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    ...{ rework_cost_usd: 0, duration_ms: 1, attempts: 1, permission_denials: [], ended_at_ms: 1 },
    ...of,
  };
}

function subagentRecord(result: Result): Record<string, unknown> {
  return {
    ...{
      v: 1,
      fence: { epoch: 1, attempt: 1 },
      startedAtMs: 1,
      attempts: 1,
      turns: 1,
      chunks: [],
      tail: [],
      patch: null,
    },
    ...{ usage: result.usage, costMicroUsd: 0, reworkMicroUsd: 0, epochSpentMicroUsd: 0, pendingMicroUsd: 0 },
    ...{ activeMs: 1, denials: [], errors: 0, schemaFailures: 0, result },
  };
}
