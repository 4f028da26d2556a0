import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../support/temporary.ts';

const OPEN_STORE = join(import.meta.dirname, '../../../activities/artifacts/open-store.ts');

/** Whether a process that opens this store, or tries to, has the AWS SDK loaded. */
function loadsSdk(url: string): boolean {
  const script = `
    import { createRequire } from 'node:module';
    import { openStore } from ${JSON.stringify(OPEN_STORE)};
    await openStore(${JSON.stringify(url)}).catch(() => undefined);
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    process.stdout.write(String(loaded.some((path) => path.includes('@aws-sdk'))));
    process.exit();`;
  const env = { PATH: process.env['PATH'], AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' };
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { env }).toString() === 'true';
}

test('a store on disk is opened without the AWS SDK, which takes longer to load than a status to print', async () => {
  await using place = await temporaryDirectory();
  expect(loadsSdk(`file://${place.path}/store`)).toBe(false);
  expect(loadsSdk('s3://bucket/store?endpoint=http://127.0.0.1:1&region=us-east-1')).toBe(true);
});
