import type { FleetStatus } from '../../workflows/contract/messages.ts';
import { statusOfLetter } from '../../workflows/contract/statuses.ts';
import type { EndedSubagent } from './result-reader.ts';
import type { ScriptSaid } from './script-journal.ts';
import type { Standing } from './standing.ts';
import type { StartedSubagent } from './start-finder.ts';
import type { JournalMark, Position } from './watch-cursor.ts';

/**
 * What a watcher is told. `trouble`: server or worker are away, said once until they are back. `log`: a line of the
 * fleet's script, or the phase it came to.
 */
export type FleetChange =
  | { kind: 'status'; status: FleetStatus }
  | ({ kind: 'started' } & StartedSubagent)
  | ({ kind: 'ended'; generation: number } & EndedSubagent)
  | { kind: 'log'; what: 'log' | 'phase'; text: string }
  | { kind: 'trouble'; message: string };

type EndedChange = Extract<FleetChange, { kind: 'ended' }>;

/** What the news of a fleet are read from. */
export interface NewsSource {
  /** Of these those that have ended, in the given order. */
  ended(standing: Standing, indexes: readonly number[]): Promise<EndedSubagent[]>;
  started(standing: Standing): Promise<StartedSubagent[]>;
  /** Exchanges of its script from a mark on; none without a script. */
  said(standing: Standing, from: JournalMark): AsyncIterable<ScriptSaid>;
}

/** Results in memory at once. */
const CHUNK = 5_000;

/** What each look at a fleet brings that was not told before. */
export class News {
  readonly #source: NewsSource;
  readonly #position: Position;
  readonly #tellsStarts: boolean;

  constructor(source: NewsSource, position: Position, tellsStarts: boolean) {
    this.#source = source;
    this.#position = position;
    this.#tellsStarts = tellsStarts;
  }

  /** Each is marked as told right before it is. */
  async *of(standing: Standing): AsyncGenerator<FleetChange> {
    if (this.#tellsStarts)
      for (const started of await this.#source.started(standing)) yield { kind: 'started', ...started };
    const untold = this.#untold(standing);
    const ends = this.#ends(standing, [...untold.keys()]);
    for await (const said of this.#source.said(standing, this.#position.journal)) {
      const heard = said.ended.filter((index) => untold.has(index));
      while (heard.some((index) => untold.has(index))) {
        const next = await ends.next();
        if (next.done) break;
        untold.delete(next.value.index);
        yield next.value;
      }
      yield* this.#lines(said);
    }
    yield* ends;
  }

  /** What this watcher was not told yet of an exchange. */
  *#lines({ generation, exchange, lines }: ScriptSaid): Generator<FleetChange> {
    const { journal } = this.#position;
    const isSame = journal.generation === generation && journal.exchange === exchange;
    for (let line = isSame ? journal.line : 0; line < lines.length; line++) {
      this.#position.journal = { generation, exchange, line: line + 1 };
      yield { kind: 'log', what: lines[line]!.kind, text: lines[line]!.text };
    }
    this.#position.journal = { generation, exchange: exchange + 1, line: 0 };
  }

  /** Those that have ended and were not told, each with its generation. */
  #untold({ progress: { units, generations } }: Standing): Map<number, number> {
    const now = new Map(generations);
    const untold = new Map<number, number>();
    for (let index = 0; index < units.length; index++) {
      if (!statusOfLetter(units[index]!)) continue;
      const generation = now.get(index) ?? 1;
      if (!this.#position.ended.has(index, generation)) untold.set(index, generation);
    }
    return untold;
  }

  /** In order of completion, whatever their number: more than fit in memory are read twice. */
  async *#ends(standing: Standing, indexes: readonly number[]): AsyncGenerator<EndedChange, undefined> {
    const generations = new Map(standing.progress.generations);
    const isMany = indexes.length > CHUNK;
    const ordered = isMany ? await this.#inOrder(standing, indexes) : indexes;
    for (let from = 0; from < ordered.length; from += CHUNK) {
      const ended = await this.#source.ended(standing, ordered.slice(from, from + CHUNK));
      for (const one of isMany ? ended : ended.sort(byCompletion)) {
        const generation = generations.get(one.index) ?? 1;
        this.#position.ended.add(one.index, generation);
        yield { kind: 'ended', generation, ...one };
      }
    }
    return undefined;
  }

  async #inOrder(standing: Standing, indexes: readonly number[]): Promise<number[]> {
    const ends: { index: number; result: { ended_at_ms: number } }[] = [];
    for (let from = 0; from < indexes.length; from += CHUNK)
      for (const { index, result } of await this.#source.ended(standing, indexes.slice(from, from + CHUNK)))
        ends.push({ index, result: { ended_at_ms: result.ended_at_ms } });
    return ends.sort(byCompletion).map(({ index }) => index);
  }
}

/** Total: of two that ended in the same millisecond the one that stands first in the fleet. */
function byCompletion(
  a: { index: number; result: { ended_at_ms: number } },
  b: { index: number; result: { ended_at_ms: number } },
): number {
  return a.result.ended_at_ms - b.result.ended_at_ms || a.index - b.index;
}
