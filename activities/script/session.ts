import { createHash } from 'node:crypto';
import { FAILURES } from '../../workflows/contract/failures.ts';
import type { SpawnAnswer } from '../../workflows/contract/spawn.schema.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import type { ScriptError } from '../../workflows/contract/units.ts';
import type { InterpreterProcess } from './interpreter-process.ts';
import { Labels } from './labels.ts';
import type { News, Round, ScriptCall, Turn } from './protocol.ts';

/** What a script is told in one exchange. */
export interface Told {
  exchange: number;
  /** Of its own, in the order they ended. */
  ended: { index: number; result: Result }[];
  decided: [exchange: number, isApproved: boolean][];
  budget: Turn['budget'];
  /** To what the exchange before asked for; undefined: it asked for nothing. */
  answer: SpawnAnswer | undefined;
}

export interface LabelledCall extends ScriptCall {
  label: string;
}

/** What becomes of a call: a task, equal to others of the same key, or an error at once. */
export type Verdict = { key: string } | { fault: string };

export interface PlayedCall {
  call: LabelledCall;
  verdict: Verdict;
  /** How many of the same key were made before it. */
  occurrence: number;
}

/** What a script did in one exchange. */
export interface Played {
  calls: PlayedCall[];
  progress: Round['progress'];
  ask: { title: string; hash: string } | undefined;
  end: { value?: string | undefined } | { error: ScriptError } | undefined;
}

/** What a session needs of the world while it plays. */
export interface Stage {
  judge(calls: readonly LabelledCall[]): Promise<Verdict[]>;
  /** Another script by name or path; a text says why there is none. */
  script(of: {
    name?: string | undefined;
    path?: string | undefined;
  }): Promise<{ file: string; source: string } | string>;
}

/** Turns of one exchange: a script whose every call is refused could go on for ever. */
const MAX_TURNS = 10_000;

/** One script in its interpreter, and what the worker knows of it: small, whatever its agents say. */
export class ScriptSession {
  /** The newest it has played. */
  exchange = 0;
  readonly #process: InterpreterProcess;
  readonly #sourceHash: string;
  readonly #labels = new Labels();
  readonly #occurrences = new Map<string, number>();
  /** Waits by the index of the subagent they wait for. */
  readonly #waits = new Map<number, number>();
  /** Waits of the newest request, in its order. */
  #requested: number[] = [];
  /** Of all it has been told. */
  #seen = '';

  constructor(process: InterpreterProcess, sourceHash: string) {
    this.#process = process;
    this.#sourceHash = sourceHash;
  }

  get isAlive(): boolean {
    return this.#process.isAlive;
  }

  /** The newest exchange asked for subagents. */
  get hasAsked(): boolean {
    return this.#requested.length > 0;
  }

  /** Ends the interpreter and resolves once it is gone. Safe to call twice. */
  close(): Promise<void> {
    return this.#process.close();
  }

  /** Plays the next exchange. Rejects with `InterpreterLost`, or with what the stage throws; then the session is of no use. */
  async play(told: Told, stage: Stage): Promise<Played> {
    const { exchange, budget } = told;
    const calls: PlayedCall[] = [];
    const progress: Round['progress'] = [];
    let ask: Round['ask'];
    let news = this.#newsOf(told);
    for (let turn = 1; ; turn++) {
      const made: ScriptCall[] = [];
      const isFirst = turn === 1;
      const round = await this.#process.turn({ isFirst, exchange, news, budget }, (call) => made.push(call));
      progress.push(...round.progress);
      ask ??= round.ask;
      const end = round.end ?? (turn === MAX_TURNS ? { error: ENDLESS } : round.isStuck ? { error: STUCK } : undefined);
      if (end) return this.#ended(end, exchange, calls, made.length, progress);
      news = [...(await this.#judged(made, stage, calls)), ...(await this.#scripts(round, stage))];
      if (news.length === 0) break;
    }
    this.exchange = exchange;
    this.#requested = calls.filter(({ verdict }) => 'key' in verdict).map(({ call }) => call.id);
    const asked = ask && { title: ask.title, hash: this.#approvalHash(ask.title, exchange) };
    return { calls, progress, ask: asked, end: undefined };
  }

  #newsOf({ ended, decided, answer }: Told): News[] {
    const news: News[] = [];
    for (const [i, id] of this.#requested.entries()) {
      if (answer?.kind === 'admitted') this.#waits.set(answer.from + i, id);
      else news.push({ kind: 'refused', id, message: answer?.message ?? 'it was not started' });
    }
    for (const { index, result } of ended) {
      const id = this.#waits.get(index);
      // One that was retried after the script had heard of its end.
      if (id === undefined) continue;
      this.#waits.delete(index);
      this.#seen = hashOf(this.#seen, result.label, result.status);
      news.push({ kind: 'result', id, result });
    }
    for (const [exchange, isApproved] of decided) {
      this.#seen = hashOf(this.#seen, exchange, isApproved);
      news.push({ kind: 'decided', exchange, isApproved });
    }
    return news;
  }

  async #judged(made: readonly ScriptCall[], stage: Stage, calls: PlayedCall[]): Promise<News[]> {
    if (made.length === 0) return [];
    const labelled = made.map((call) => ({ ...call, label: this.#labels.next(wishOf(call), call.prompt) }));
    const verdicts = await stage.judge(labelled);
    const refused: News[] = [];
    for (const [i, call] of labelled.entries()) {
      const verdict = verdicts[i]!;
      calls.push({ call, verdict, occurrence: 'key' in verdict ? this.#occurrence(verdict.key) : 0 });
      if ('fault' in verdict) refused.push({ kind: 'refused', id: call.id, message: verdict.fault });
    }
    return refused;
  }

  async #scripts({ scripts }: Round, stage: Stage): Promise<News[]> {
    const news: News[] = [];
    for (const { id, ...of } of scripts) {
      const found = await stage.script(of);
      news.push(typeof found === 'string' ? { kind: 'refused', id, message: found } : { kind: 'script', id, ...found });
    }
    return news;
  }

  #ended(
    end: NonNullable<Played['end']>,
    exchange: number,
    calls: PlayedCall[],
    made: number,
    progress: Round['progress'],
  ): Played {
    this.exchange = exchange;
    const left = calls.filter(({ verdict }) => 'key' in verdict).length + made;
    const text = `${left.toString()} agent() calls were not awaited, and nothing was started for them`;
    if (left > 0 && !('error' in end)) progress.push({ kind: 'log', text });
    return { calls, progress, ask: undefined, end };
  }

  #occurrence(key: string): number {
    const before = this.#occurrences.get(key) ?? 0;
    this.#occurrences.set(key, before + 1);
    return before;
  }

  #approvalHash(title: string, exchange: number): string {
    return hashOf(this.#sourceHash, title, exchange, this.#seen);
  }
}

const ENDLESS: ScriptError = {
  type: FAILURES.scriptInterrupted,
  message: `interrupted: ${MAX_TURNS.toString()} times in a row its agent() calls were refused and it made new ones`,
};

const STUCK: ScriptError = {
  type: FAILURES.scriptNeverSettles,
  message: 'it awaits something that can never settle: no agent, approval or other script of it is open',
};

function wishOf({ options }: ScriptCall): string | undefined {
  return typeof options['label'] === 'string' ? options['label'] : undefined;
}

function hashOf(...parts: (string | number | boolean)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
