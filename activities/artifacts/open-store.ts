import { fileURLToPath } from 'node:url';
import { DiskStore } from './disk-store.ts';
import type { ArtifactStore } from './store.ts';

/**
 * What is wrong with the URL of an artifact store, and what to write instead; undefined: nothing. Looks at the text
 * alone.
 */
export function storeUrlProblem(url: string): string | undefined {
  const { protocol, host } = URL.parse(url) ?? {};
  if (protocol === 'file:' && host === '') return undefined;
  if (protocol === 's3:' && host) return undefined;
  return 'write file:///absolute/directory or s3://bucket/prefix';
}

/**
 * The store at `file:///absolute/directory`, made where there is none, or at `s3://bucket/prefix`. Whoever opens the same
 * URL on whatever host works with the same store. Safe to call twice.
 */
export async function openStore(url: string): Promise<ArtifactStore> {
  if (url.startsWith('file:')) return DiskStore.open(fileURLToPath(url));
  throw new Error(`${url}: no such store can be opened yet`);
}
