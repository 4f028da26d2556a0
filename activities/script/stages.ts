import { createHash } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import type { ScriptPlan, Task } from '../../workflows/contract/task.schema.ts';
import { nearest } from '../../workflows/policy/key-names.ts';
import type { Spawning, SpawnParent } from '../spawn/spawning.ts';
import { askedTask } from './agent-task.ts';
import type { Journal, JournalCall } from './journal.ts';
import type { ScriptCall } from './protocol.ts';
import type { LabelledCall, Played, PlayedCall, Stage, Verdict } from './session.ts';

/** Calls judged before the rest of the worker has its turn. */
const AT_ONCE = 100;
const ABOUT_CHARS = 160;

/** Finds the scripts that came with a fleet: nothing is read from anyone's disk any more. */
export function savedScripts({ saved }: ScriptPlan, journal: Journal): Stage['script'] {
  return async ({ name, path }) => {
    const of = name ?? path ?? '';
    if (Object.hasOwn(saved, of)) return { file: of, source: await journal.text(saved[of]!) };
    const names = Object.keys(saved);
    const near = nearest(of, names);
    const there = names.length === 0 ? 'none came with this fleet' : `there are ${names.join(', ')}`;
    const hint = near === undefined ? there : `did you mean ${JSON.stringify(near)}?`;
    return `workflow(): there is no script ${JSON.stringify(of)}: ${hint}`;
  };
}

/** An exchange for the first time: calls become tasks. */
export class FirstStage implements Stage {
  readonly script: Stage['script'];
  readonly #spawning: Pick<Spawning, 'resolve'>;
  readonly #of: { parent: SpawnParent; isModelForced: boolean };
  readonly #tasks = new Map<number, Task>();

  constructor(
    spawning: Pick<Spawning, 'resolve'>,
    of: { parent: SpawnParent; isModelForced: boolean },
    script: Stage['script'],
  ) {
    this.#spawning = spawning;
    this.#of = of;
    this.script = script;
  }

  async judge(calls: readonly LabelledCall[]): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    for (const call of calls) {
      if (verdicts.length % AT_ONCE === AT_ONCE - 1) await nextTick();
      const asked = askedTask(call, call.label, this.#spawning, this.#of);
      if ('task' in asked) this.#tasks.set(call.id, asked.task);
      verdicts.push('task' in asked ? { key: asked.key } : asked);
    }
    return verdicts;
  }

  /** What the exchange asks the root for. */
  tasksOf({ calls }: Played): Task[] {
    return calls.flatMap(({ call, occurrence }) => {
      const task = this.#tasks.get(call.id);
      return task ? [{ ...task, occurrence }] : [];
    });
  }
}

/** A script asked for something else than it did when its exchanges were written down. */
export class NotDeterministic extends Error {
  override name = 'NotDeterministic';
}

/** An exchange again: its calls must be those of the journal, which says what became of them. */
export class SecondStage implements Stage {
  readonly script: Stage['script'];
  readonly #exchange: number;
  readonly #written: readonly JournalCall[];
  #at = 0;

  constructor(exchange: number, written: readonly JournalCall[], script: Stage['script']) {
    this.#exchange = exchange;
    this.#written = written;
    this.script = script;
  }

  judge(calls: readonly LabelledCall[]): Promise<Verdict[]> {
    return Promise.resolve(calls.map((call) => this.#verdict(call)));
  }

  /** Throws `NotDeterministic` where the exchange has come out otherwise. */
  compare(played: Played, asks: readonly { title: string; hash: string }[]): void {
    const missing = this.#written[this.#at];
    if (missing) this.#differs(`call ${missing.id.toString()} was ${missing.about} and is not made any more`);
    if (played.end) this.#differs(`it went on and now ends (${JSON.stringify(played.end).slice(0, ABOUT_CHARS)})`);
    const [before, now] = [asks[0], played.ask];
    if (before?.hash !== now?.hash)
      this.#differs(`it asked for the approval of ${shown(before)} and now for that of ${shown(now)}`);
  }

  #verdict(call: LabelledCall): Verdict {
    const written = this.#written[this.#at++];
    const number = call.id.toString();
    if (!written) return this.#differs(`call ${number}, ${aboutOf(call)}, was not made before`);
    if (written.id !== call.id || written.asked !== askedHash(call))
      return this.#differs(
        `call ${written.id.toString()} was ${written.about} and is now call ${number}, ${aboutOf(call)}`,
      );
    return written.key === undefined ? { fault: written.fault ?? '' } : { key: written.key };
  }

  #differs(how: string): never {
    throw new NotDeterministic(
      `it came out otherwise when it was run again, at exchange ${this.#exchange.toString()}: ${how}`,
    );
  }
}

const shown = (ask: { title: string } | undefined): string => (ask ? JSON.stringify(ask.title) : 'nothing');

/** As the journal keeps it. */
export function journalCall({ call, verdict }: PlayedCall): JournalCall {
  return { id: call.id, asked: askedHash(call), about: aboutOf(call), ...verdict };
}

function askedHash({ kind, prompt, options, phase }: ScriptCall): string {
  return createHash('sha256')
    .update(JSON.stringify([kind, prompt, options, phase]))
    .digest('base64url');
}

function aboutOf({ kind, prompt, options, label }: LabelledCall): string {
  const text = `${kind}(${JSON.stringify(prompt.slice(0, ABOUT_CHARS / 2))}, ${JSON.stringify(options)})`;
  return `${text.slice(0, ABOUT_CHARS)}${text.length > ABOUT_CHARS ? '…' : ''} (${label.slice(0, ABOUT_CHARS / 2)})`;
}
