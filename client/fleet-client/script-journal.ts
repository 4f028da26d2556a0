import type { ArtifactStore } from '../../activities/artifacts/store.ts';
import { recordKeys } from '../../workflows/contract/ids.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import { ScriptExchange } from '../../workflows/contract/spawn.schema.ts';
import { FleetFailure } from './failure.ts';
import type { JournalMark } from './watch-cursor.ts';

/** What a script said in one exchange, and of whose ends it had heard by then. */
export interface ScriptSaid {
  generation: number;
  exchange: number;
  ended: readonly number[];
  lines: readonly { kind: 'log' | 'phase'; text: string }[];
}

/**
 * The exchanges of a fleet's script from a mark on, in order, up to what its root has heard. Throws `damaged` for a record
 * that is no exchange.
 */
export async function* exchangesFrom(
  store: ArtifactStore,
  { id, exchanges = 0, scriptGeneration: generation = 1 }: Pick<FleetStatus, 'id' | 'exchanges' | 'scriptGeneration'>,
  mark: JournalMark,
): AsyncGenerator<ScriptSaid> {
  const first = mark.generation === generation ? mark.exchange : 1;
  for (let exchange = first; exchange <= exchanges; exchange++) {
    const key = recordKeys.exchange(id, generation, exchange);
    const found = await store.readRecord(key);
    const record = ScriptExchange.safeParse(found?.value);
    if (!record.success) throw new FleetFailure('damaged', `the record ${key} is damaged`, 'muster doctor');
    const { ended, progress } = record.data;
    yield { generation, exchange, ended, lines: progress };
  }
}
