import { createHash } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/activity';
import type { FleetActivities } from '../../workflows/contract/activities.ts';
import { FAILURES } from '../../workflows/contract/failures.ts';
import { GateReport } from '../../workflows/contract/rollout.schema.ts';
import type { GateRequest, GateVerdict } from '../../workflows/contract/units.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { whatTheyTook } from '../observe/what-targets-took.ts';
import { gateReport, type Targets } from './gate-report.ts';
import { readResults } from './wave-results.ts';

export interface RolloutParts {
  store: Pick<ArtifactStore, 'put'>;
  records: Pick<FleetRecords, 'manifest' | 'tasks' | 'subagent' | 'fleet'>;
}

/**
 * Gates between the waves of a fleet. Safe to call twice: the same request gets the same verdict and the same hash.
 * `Artifact.Damaged`, which no retry mends: then a person decides without figures. All else is for a retry.
 */
export function createRolloutActivities(parts: RolloutParts): Pick<FleetActivities, 'judgeGate'> {
  return {
    judgeGate: (request) =>
      judgeGate(parts, request).catch((error: unknown) => {
        if (!(error instanceof Error) || !/^Artifact(Missing|Damaged)$/.test(error.name)) throw error;
        throw ApplicationFailure.nonRetryable(error.message, FAILURES.artifactDamaged);
      }),
  };
}

async function judgeGate({ store, records }: RolloutParts, request: GateRequest): Promise<GateVerdict> {
  const { fleetId, manifest, wave, generations } = request;
  const targets = await targetsOf(records, request);
  const looked = await readResults(records, request, targets.before);
  const took = await whatTheyTook(records, looked.results);
  const report = GateReport.parse(gateReport(request, targets, looked, took));
  const bytes = Buffer.from(JSON.stringify(report));
  // The manifest names the plan and all its tasks: an approval of this serves no other file, figures or retries.
  const approved = JSON.stringify([fleetId, manifest, wave, generations]);
  const hash = createHash('sha256').update(approved).update('\n').update(bytes).digest('hex');
  const { isOpen, why, title } = report;
  return { isOpen, why, title, hash, report: await store.put(bytes) };
}

async function targetsOf(records: RolloutParts['records'], { manifest, wave }: GateRequest): Promise<Targets> {
  const { count } = await records.manifest(manifest);
  const targets: Targets = { before: [], next: [], remaining: 0, longestMs: 0 };
  let index = -1;
  for await (const task of records.tasks(manifest, 0, count)) {
    index++;
    if (task.wave === undefined) continue; // not eligible
    if (task.wave <= wave) targets.before.push(index);
    else {
      targets.remaining++;
      targets.longestMs = Math.max(targets.longestMs, task.timeoutMs);
      if (task.wave === wave + 1) targets.next.push(task.label);
    }
  }
  return targets;
}
