import type { ArtifactStore } from '../../activities/artifacts/store.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import type { ResultReader } from '../fleet-client/result-reader.ts';
import { hasEnded } from '../fleet-client/standing.ts';
import type { FleetOutcome } from './library.ts';

/** What the parent of a fleet left: what a script returned or threw, or what a Claude said last. A plan leaves nothing. */
export type ParentEnd = Pick<FleetOutcome, 'result' | 'error'>;

/** Of a fleet as it stands; nothing while its parent has not ended. Throws `ArtifactMissing` for a damaged store. */
export async function parentEnd(
  { store, reader }: { store: ArtifactStore; reader: ResultReader },
  { kind }: Pick<FleetRecord, 'kind'>,
  status: FleetStatus,
): Promise<ParentEnd> {
  const { outcome } = status;
  if (outcome && 'error' in outcome) return { error: outcome.error };
  if (outcome) {
    if (outcome.value === null) return { result: null };
    return { result: JSON.parse(Buffer.from(await store.get(outcome.value)).toString()) as unknown };
  }
  if (kind !== 'prompt' || !hasEnded(status)) return {};
  const [parent] = await reader.some([0]);
  if (!parent) return {};
  const { structured_output, output, error } = parent.result;
  return { result: structured_output ?? output, ...(error && { error }) };
}
