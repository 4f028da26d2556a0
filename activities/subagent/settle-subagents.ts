import type { SettleRequest, UnitOutcome } from '../../workflows/contract/units.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Redact } from '../observe/redaction.ts';
import { Checkpoint, SETTLED_ATTEMPT } from './checkpoint.ts';
import { Superseded } from './ending.ts';
import { buildResult } from './result.ts';

/** Records settled at once: a thousand of a dead batch take seconds, not a minute. */
const AT_ONCE = 32;

export interface SettleParts {
  store: ArtifactStore;
  records: FleetRecords;
  /** Files and counts of a checkpoint's patch. */
  changesOf: (patch: string) => Promise<NonNullable<Parameters<typeof buildResult>[0]['changes']>>;
  redact: Redact;
  metrics: Metrics;
}

/**
 * Reads what dead or timed-out dispatches left, fences them off and, with `end`, commits a partial result from the
 * newest checkpoint. Safe to call twice: a committed result stays.
 */
export async function settleSubagents(parts: SettleParts, request: SettleRequest): Promise<UnitOutcome[]> {
  const outcomes: UnitOutcome[] = [];
  for (let from = 0; from < request.units.length; from += AT_ONCE) {
    const some = request.units.slice(from, from + AT_ONCE);
    outcomes.push(...(await Promise.all(some.map((unit) => settle(parts, request, unit)))));
  }
  return outcomes;
}

async function settle(
  parts: SettleParts,
  request: SettleRequest,
  unit: SettleRequest['units'][number],
): Promise<UnitOutcome> {
  const { fleetId, end } = request;
  const fence = { epoch: unit.epoch, attempt: SETTLED_ATTEMPT };
  for (let tries = 0; ; tries++) {
    try {
      const checkpoint = await Checkpoint.open(parts, { fleetId, ...unit }, fence);
      const { result, fence: held } = checkpoint.record;
      // Another dispatch may have committed it: then the money is that one's.
      const spentMicroUsd = held.epoch === unit.epoch ? checkpoint.epochSpentMicroUsd : 0;
      if (result) return { kind: 'ended', status: result.status, spentMicroUsd };
      if (!end) return { kind: 'parked', reason: { for: 'drain' }, spentMicroUsd };
      await commit(parts, request, unit, end, checkpoint);
      return { kind: 'ended', status: end.status, spentMicroUsd };
    } catch (error) {
      if (!(error instanceof Superseded) || tries > 5) throw error; // it moved under us: look again
    }
  }
}

async function commit(
  { records, changesOf, redact, metrics }: SettleParts,
  { manifest }: SettleRequest,
  { index }: SettleRequest['units'][number],
  end: NonNullable<SettleRequest['end']>,
  checkpoint: Checkpoint,
): Promise<void> {
  const task = await records.task(manifest, index);
  const { patch } = checkpoint.record;
  const { simulated } = await records.manifest(manifest);
  const result = buildResult(
    {
      task,
      isSimulated: simulated,
      record: checkpoint.record,
      messages: checkpoint.messages,
      ending: { status: end.status, error: { type: end.type, message: end.message } },
      changes: patch === null ? undefined : await changesOf(patch),
      transcript: await checkpoint.storeTranscript(redact),
    },
    redact,
  );
  await checkpoint.end(result);
  metrics.subagentEnded(result);
}
