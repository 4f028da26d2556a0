import { z } from 'zod';
import { recordKeys } from '../../workflows/contract/ids.ts';
import { ScriptExchange } from '../../workflows/contract/spawn.schema.ts';
import type { ArtifactRef, ScriptEnd, ScriptOutcome, ScriptRef } from '../../workflows/contract/units.ts';
import type { ArtifactStore } from '../artifacts/store.ts';

/** What engine and prelude make of a script; a change of either that a script can tell is another version. */
export const SCRIPT_ENGINE = 'quickjs-wasi 3.6.2, prelude 1';

/** One call as it was made: a hash of it, and a few words for people; then what makes its task equal to others, or its fault. */
const JournalCall = z.object({
  id: z.int(),
  asked: z.string(),
  about: z.string(),
  key: z.string().optional(),
  fault: z.string().optional(),
});
export type JournalCall = z.infer<typeof JournalCall>;

/** What a script and its root have said to each other in one generation of a fleet. */
export class Journal {
  readonly #store: ArtifactStore;
  readonly #of: Pick<ScriptRef, 'fleetId' | 'generation'>;

  constructor(store: ArtifactStore, of: Pick<ScriptRef, 'fleetId' | 'generation'>) {
    this.#store = store;
    this.#of = of;
  }

  async read(exchange: number): Promise<ScriptExchange | undefined> {
    const found = await this.#store.readRecord(this.#key(exchange));
    return found && ScriptExchange.parse(found.value);
  }

  /** Writes an exchange unless it is written: the one that stands is returned. Safe to call twice. */
  async write(exchange: number, record: ScriptExchange): Promise<ScriptExchange> {
    try {
      await this.#store.writeRecord(this.#key(exchange), record, 0);
      return record;
    } catch (error) {
      if (!(error instanceof Error && error.name === 'RecordConflict')) throw error;
      return (await this.read(exchange))!;
    }
  }

  async saveCalls(calls: readonly JournalCall[]): Promise<ArtifactRef | null> {
    return calls.length === 0 ? null : this.#store.put(Buffer.from(JSON.stringify(calls)));
  }

  async calls({ calls }: ScriptExchange): Promise<JournalCall[]> {
    return calls === null ? [] : z.array(JournalCall).parse(JSON.parse(await this.text(calls)));
  }

  async text(ref: ArtifactRef): Promise<string> {
    return Buffer.from(await this.#store.get(ref)).toString();
  }

  #key(exchange: number): string {
    const { fleetId, generation } = this.#of;
    return recordKeys.exchange(fleetId, generation, exchange);
  }
}

/** What the root is told of an exchange that stands in the journal. */
export function outcomeOf({ outcome, request, asks }: ScriptExchange): ScriptOutcome {
  return outcome === undefined ? { kind: 'waits', request, asks } : { kind: 'ended', outcome: outcome as ScriptEnd };
}
