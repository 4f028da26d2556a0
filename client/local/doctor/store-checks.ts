import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../../activities/artifacts/open-store.ts';
import type { Config } from '../../config.ts';
import { failed, messageOf, ok, shownUrl, type Check } from './check.ts';

/**
 * Whether the artifact store can be used. One on S3 is opened, which proves that its server honours conditional writes,
 * and written to; a directory is looked at, and made by the first run.
 */
export async function storeCheck({ artifacts }: Config): Promise<Check> {
  return artifacts.startsWith('file:') ? directory(fileURLToPath(artifacts)) : bucket(artifacts);
}

function directory(path: string): Check {
  const hint = 'set MUSTER_ARTIFACTS to a directory of yours, or to s3://bucket/prefix';
  try {
    const existing = nearestExisting(path);
    if (!statSync(existing).isDirectory()) return failed('artifacts', `${existing} is no directory`, hint);
    accessSync(existing, constants.W_OK | constants.X_OK);
    return ok('artifacts', existing === path ? `${path} is writable` : `${path} will be made by the first run`);
  } catch (error) {
    return failed('artifacts', messageOf(error), hint);
  }
}

async function bucket(url: string): Promise<Check> {
  try {
    const store = await openStore(url);
    await store.probe();
    return ok('artifacts', `${shownUrl(url)} opens, is writable, and honours conditional writes`);
  } catch (error) {
    const hint = 'check MUSTER_ARTIFACTS, AWS_REGION, AWS_ENDPOINT_URL_S3, the credentials and what they permit';
    return failed('artifacts', messageOf(error), hint);
  }
}

export function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}
