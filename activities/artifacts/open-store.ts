import { fileURLToPath } from 'node:url';
import { DiskStore } from './disk-store.ts';
import { parseS3Url } from './s3-url.ts';
import type { ArtifactStore } from './store.ts';

/**
 * What is wrong with the URL of an artifact store, and what to write instead; undefined: nothing. Looks at the text
 * alone.
 */
export function storeUrlProblem(url: string): string | undefined {
  const { protocol, host } = URL.parse(url) ?? {};
  if (protocol === 'file:' && host === '') return undefined;
  if (protocol !== 's3:') return 'write file:///absolute/directory or s3://bucket/prefix';
  const place = parseS3Url(url);
  return typeof place === 'string' ? place : undefined;
}

/** A store's URL, right or wrong, as it may be shown: without what may be a credential. */
export const shownStoreUrl = (url: string): string => url.replace(/\/\/[^/]*@/g, '//…@');

/**
 * The store at `file:///absolute/directory`, made where there is none, or at `s3://bucket/prefix`, in a bucket that
 * exists. Whoever opens the same URL on whatever host works with the same store. Safe to call twice.
 */
export async function openStore(url: string): Promise<ArtifactStore> {
  if (url.startsWith('file:')) return DiskStore.open(fileURLToPath(url));
  const place = parseS3Url(url);
  if (typeof place === 'string') throw new TypeError(`${shownStoreUrl(url)} is no URL of a store: ${place}`);
  // Loaded where it is used: the AWS SDK takes longer to load than a status takes to print.
  const { S3Store } = await import('./s3-store.ts');
  return S3Store.open(place);
}
