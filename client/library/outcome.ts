import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { hasEnded, type Standing } from '../fleet-client/standing.ts';
import type { Ground } from './ground.ts';
import type { FleetOutcome } from './library.ts';

/** What the parent of a fleet left: what a script returned or threw, or what a Claude said last. A plan leaves nothing. */
export type ParentEnd = Pick<FleetOutcome, 'result' | 'error'>;

/** Of a fleet as it stands; nothing while its parent has not ended. Throws `ArtifactMissing` for a damaged store. */
export async function parentEnd({ client, stack }: Ground, fleet: FleetRecord, standing: Standing): Promise<ParentEnd> {
  const { status } = standing;
  if (status.outcome && 'error' in status.outcome) return { error: status.outcome.error };
  if (status.outcome) {
    const { value } = status.outcome;
    if (value === null) return { result: null };
    return { result: JSON.parse(Buffer.from(await stack.store.get(value)).toString()) as unknown };
  }
  if (fleet.kind !== 'prompt' || !hasEnded(status)) return {};
  const [parent] = await client.reader(fleet, standing).some([0]);
  if (!parent) return {};
  const { structured_output, output, error } = parent.result;
  return { result: structured_output ?? output, ...(error && { error }) };
}
