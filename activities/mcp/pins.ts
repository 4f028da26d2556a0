import type { ArtifactStore } from '../artifacts/store.ts';
import { recordKeys } from '../../workflows/contract/ids.ts';

/**
 * The hash a fleet goes by for one server: the operator's own, else the first that any of its workers saw, which is
 * written down once and never changed. The same answer however often and from wherever it is asked.
 */
export async function pinnedHash(
  store: Pick<ArtifactStore, 'readRecord' | 'writeRecord'>,
  of: { fleetId: string; server: string; seen: string; operatorPin: string | undefined },
): Promise<string> {
  if (of.operatorPin !== undefined) return `sha256:${bare(of.operatorPin)}`;
  const key = recordKeys.mcpPin(of.fleetId, of.server);
  const known = await store.readRecord(key);
  if (known) return `sha256:${hashIn(known.value)}`;
  try {
    // Without the prefix, which in a record would name a blob.
    await store.writeRecord(key, { v: 1, sha256: bare(of.seen) }, 0);
    return of.seen;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'RecordConflict') throw error;
    return `sha256:${hashIn((await store.readRecord(key))?.value)}`;
  }
}

const bare = (hash: string): string => hash.replace(/^sha256:/, '');

/** A record nobody can read pins the server to nothing: all its tools are refused. */
function hashIn(value: unknown): string {
  const isPin = typeof value === 'object' && value !== null && 'sha256' in value;
  return isPin && typeof value.sha256 === 'string' ? value.sha256 : '';
}
