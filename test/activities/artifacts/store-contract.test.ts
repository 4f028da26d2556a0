import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { vi } from 'vitest';
import { openStore } from '../../../activities/artifacts/open-store.ts';
import { FakeS3 } from '../../support/fake-s3.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { describeStore, type StoreWorld } from './store-contract.ts';

const HOUR_MS = 3_600_000;

describeStore('the store on disk', async () => {
  const { path, ...place } = await temporaryDirectory();
  const url = pathToFileURL(join(path, 'deep/store')).href;
  const blobs = join(path, 'deep/store/blobs');
  const world: StoreWorld = {
    store: await openStore(url),
    open: () => openStore(url),
    damage: (ref, bytes) => writeFile(join(blobs, ref.slice(7, 9), ref.slice(9)), bytes),
    async damageRecord(key) {
      const record = join(path, 'deep/store/records', `${key}@`);
      const name = (await readdir(record)).find((one) => one.startsWith('~'))!;
      await writeFile(join(record, name), (await readFile(join(record, name))).subarray(0, -1));
    },
    async age() {
      const old = new Date(Date.now() - 2 * HOUR_MS);
      for (const folder of await readdir(blobs))
        for (const name of await readdir(join(blobs, folder))) await utimes(join(blobs, folder, name), old, old);
      return HOUR_MS;
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
  return world;
});

describeStore('the store on S3, in listings of three', async () => {
  const fake = await FakeS3.start();
  fake.pageSize = 3;
  for (const [name, value] of Object.entries(fake.environment)) vi.stubEnv(name, value);
  const { url } = fake;
  return {
    store: await openStore(url),
    open: () => openStore(url),
    damage: (ref, bytes) => Promise.resolve(void fake.store(`store/blobs/${ref.slice(7, 9)}/${ref.slice(9)}`, bytes)),
    damageRecord: (key) => Promise.resolve(void fake.store(`store/records/${key}@`, Buffer.from('{"version":1,'))),
    age() {
      for (const [key, object] of fake.objects) if (key.startsWith('store/blobs/')) object.changedAtMs -= 2 * HOUR_MS;
      return Promise.resolve(HOUR_MS);
    },
    async [Symbol.asyncDispose]() {
      vi.unstubAllEnvs();
      await fake.stop();
    },
  };
});
