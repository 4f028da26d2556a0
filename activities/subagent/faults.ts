import { FAILURES } from '../../workflows/contract/failures.ts';
import type { ParkReason } from '../../workflows/contract/units.ts';
import type { Ending } from './ending.ts';

/** How a subagent parks when a disk is full. */
export const DISK_FULL: ParkReason = { for: 'limit', pause: 'disk_full' };

export function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    ['StoreFull', 'WorkspaceFull'].includes(error.name) ||
    ('code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))
  );
}

/** The store cannot be reached, or lets nobody in: whoever mends that finds all subagents where they were. */
export function isOutOfReach(error: unknown): boolean {
  return error instanceof Error && ['StoreUnavailable', 'BucketRefused'].includes(error.name);
}

/** Faults the parent decides about, by the name of the error. */
const ENDINGS: Readonly<Record<string, string>> = {
  WorkspaceUnavailable: FAILURES.workspaceUnavailable,
  WorkspaceTooLarge: FAILURES.workspaceTooLarge,
  CloneDenied: FAILURES.cloneDenied,
  ArtifactDamaged: FAILURES.artifactDamaged,
  ArtifactMissing: FAILURES.artifactDamaged,
  McpUnavailable: FAILURES.mcpUnavailable,
};

/** The end a fault of another room means; undefined: it is Temporal's to mend. */
export function endingOf(error: unknown): Ending | undefined {
  const type = error instanceof Error ? ENDINGS[error.name] : undefined;
  return type === undefined ? undefined : { status: 'failed', error: { type, message: (error as Error).message } };
}
