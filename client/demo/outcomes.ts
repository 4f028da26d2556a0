import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '../../activities/artifacts/store.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import type { SubagentStatus } from '../../workflows/contract/statuses.ts';
import type { Answer } from './fleet-file.ts';
import { repositoryPath, type DemoRepository } from './repositories.ts';
import { readSandboxed, type SandboxedChecks } from './sandboxed-checks.ts';
import { isSound, verifyPatch, type Verification } from './verification.ts';

/** How the work on one repository ended. */
export interface Outcome {
  label: string;
  /** Package and version. */
  source: string;
  status: SubagentStatus;
  /** Why it did not complete. */
  error?: string;
  /** undefined: it reported nothing. */
  answer: Answer | undefined;
  /** undefined: it changed nothing. */
  verification: Verification | undefined;
  /** What held in the subagent's sandbox; undefined: nothing was verified there. */
  sandboxed: SandboxedChecks | undefined;
  costUsd: number;
  reusedFrom?: string;
}

export interface Totals {
  uses: number;
  migratable: number;
  migrated: number;
  /** Changed files, and those of them that do not parse; a patch that does not apply counts as one. */
  changed: number;
  broken: number;
  /** Repositories whose changes were verified in a sandbox; of them those by tests of their own, and those that failed. */
  verified: number;
  tested: number;
  unverified: number;
  costUsd: number;
  reused: number;
}

const AT_ONCE = 3;

export interface OutcomesOptions {
  store: ArtifactStore;
  /** The demo's own directory. */
  directory: string;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Verifies every patch of the fleet; in the order of the repositories. */
export async function readOutcomes(
  repositories: readonly DemoRepository[],
  results: readonly Result[],
  { store, directory, onProgress, signal }: OutcomesOptions,
): Promise<Outcome[]> {
  const byLabel = new Map(results.map((result) => [result.label, result]));
  const found = repositories.flatMap((repository) => {
    const result = byLabel.get(repository.label);
    return result ? [{ repository, result, verification: undefined as Verification | undefined }] : [];
  });
  const changed = found.filter(({ result }) => result.changes);
  const scratch = join(directory, '.scratch');
  let done = 0;
  const pending = changed.values();
  const verify = async (): Promise<void> => {
    for (const one of pending) {
      signal?.throwIfAborted();
      const patch = await store.get(one.result.changes!.patch);
      const repository = repositoryPath(directory, one.repository.label);
      one.verification = await verifyPatch({ repository, patch, scratch });
      onProgress?.(++done, changed.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, verify)).finally(() =>
    rm(scratch, { recursive: true, force: true }),
  );
  return found.map(({ repository, result, verification }) => outcomeOf(repository, result, verification));
}

function outcomeOf(
  { label, name, version }: DemoRepository,
  result: Result,
  verification: Verification | undefined,
): Outcome {
  const { status, error, structured_output, total_cost_usd: costUsd, reused_from: reusedFrom } = result;
  return {
    label,
    source: `${name} ${version}`,
    status,
    ...(error && { error: `${error.type}: ${error.message}` }),
    answer: isAnswer(structured_output) ? structured_output : undefined,
    verification,
    sandboxed: readSandboxed(result.verify),
    costUsd,
    ...(reusedFrom !== undefined && { reusedFrom }),
  };
}

const isAnswer = (value: unknown): value is Answer =>
  typeof value === 'object' && value !== null && 'uses' in value && Array.isArray(value.uses);

export function countUses({ answer }: Outcome): Pick<Totals, 'uses' | 'migratable' | 'migrated'> {
  const uses = answer?.uses ?? [];
  return {
    uses: uses.length,
    migratable: uses.filter(({ migratable }) => migratable).length,
    migrated: uses.filter(({ migrated }) => migrated).length,
  };
}

export function totalsOf(outcomes: readonly Outcome[]): Totals {
  const totals: Totals = {
    ...{ uses: 0, migratable: 0, migrated: 0, changed: 0, broken: 0 },
    ...{ verified: 0, tested: 0, unverified: 0, costUsd: 0, reused: 0 },
  };
  for (const outcome of outcomes) {
    const { verification, sandboxed, costUsd, reusedFrom } = outcome;
    if (sandboxed && !sandboxed.ok) totals.unverified++;
    else if (sandboxed && sandboxed.parsed > 0) totals.verified++;
    if (sandboxed?.ok && sandboxed.tests > 0) totals.tested++;
    for (const [key, count] of Object.entries(countUses(outcome))) totals[key as keyof Totals] += count;
    totals.changed += verification?.files.length ?? 0;
    totals.broken += verification ? brokenFiles(verification) : 0;
    totals.costUsd += costUsd;
    if (reusedFrom !== undefined) totals.reused++;
  }
  return totals;
}

export const brokenFiles = (verification: Verification): number =>
  isSound(verification) ? 0 : Math.max(1, verification.files.filter(({ ok }) => !ok).length);
