import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { ListMultipartUploadsCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openStore } from '../../activities/artifacts/open-store.ts';
import { ArtifactDamaged } from '../../activities/artifacts/store.ts';
import { describeStore } from '../activities/artifacts/store-contract.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { installedKinds, S3Server, type S3Kind } from '../support/s3-server.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const { installed, missing } = installedKinds();

for (const kind of missing) it.skip(`${kind} is not installed: the store is not tried on it`, () => undefined);

/** Ages on a real server pass as they pass; its clock counts in seconds. */
const AGE_MS = 12_000;

for (const kind of installed) {
  const prefix = `the store on ${kind}`;
  describeStore(prefix, async () => {
    const server = await S3Server.start({ kind });
    stubEnvironment(server);
    const client = server.client();
    const put = async (key: string, body: Buffer): Promise<void> =>
      void (await client.send(new PutObjectCommand({ Bucket: 'muster', Key: `store/${key}`, Body: body })));
    return {
      store: await openStore(server.url),
      open: () => openStore(server.url),
      damage: (ref, bytes) => put(`blobs/${ref.slice(7, 9)}/${ref.slice(9)}`, bytes),
      damageRecord: (key) => put(`records/${key}@`, Buffer.from('{"version":1,')),
      async age() {
        await delay(AGE_MS);
        return AGE_MS - 2_000;
      },
      async [Symbol.asyncDispose]() {
        vi.unstubAllEnvs();
        client.destroy();
        await server.stop();
      },
    };
  });

  describe(`${prefix}, when things break`, () => whenThingsBreak(kind));
}

function whenThingsBreak(kind: S3Kind): void {
  let server: S3Server;
  let client: S3Client;
  beforeAll(async () => {
    server = await S3Server.start({ kind });
    client = server.client();
    stubEnvironment(server);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    client.destroy();
    await server.stop();
  });

  it('loses no increment when processes race for one record, though answers of writes are lost', async () => {
    const proxy = await CuttingProxy.start(server.port);
    try {
      let writes = 0;
      proxy.isMeant = (request) => /^PUT .*\/records\//.test(request) && writes++ % 5 === 4;
      proxy.toCut = Infinity;
      const url = server.urlThrough(proxy.endpoint, 'race');
      const times = [60, 60];
      const writers = times.map((each) => startWriter(url, each));
      const lost = (await Promise.all(writers.map(output))).map(Number);
      const found = await (await openStore(server.urlThrough(server.endpoint, 'race'))).readRecord('race/record');
      expect(found).toEqual({ value: expect.objectContaining({ count: 120 }), version: 120 });
      expect(lost[0]! + lost[1]!).toBeGreaterThan(0);
      expect(proxy.cuts).toBeGreaterThan(5);
    } finally {
      await proxy.stop();
    }
  });

  it('goes on, and loses nothing, when the server is killed and started again under writers', async () => {
    const store = await openStore(server.url);
    let isOver = false;
    const stored: string[] = [];
    const writer = async (key: string): Promise<number> => {
      let version = 0;
      while (!isOver) {
        try {
          version = await store.writeRecord(key, { version: version + 1 }, version);
          stored.push(await store.put(Buffer.from(`${key} ${version.toString()}`)));
        } catch {
          // Whoever has no answer reads what stands: as the next attempt of an activity does.
          const found = await store.readRecord(key).catch(() => undefined);
          if (found) expect(found.version - version).toBeLessThanOrEqual(1);
          version = found?.version ?? version;
          await delay(50);
        }
      }
      return version;
    };
    const keys = Array.from({ length: 10 }, (_, i) => `killed/${i.toString()}`);
    const writers = keys.map(writer);
    for (let round = 0; round < 3; round++) {
      await delay(700);
      await server.kill();
      await delay(300);
      await server.launch();
    }
    await delay(700);
    isOver = true;
    const versions = await Promise.all(writers);
    const fresh = await openStore(server.url);
    for (const [i, key] of keys.entries()) {
      const found = await fresh.readRecord(key);
      expect(found).toEqual({ value: { version: versions[i] }, version: versions[i] });
      expect(versions[i]).toBeGreaterThan(2);
    }
    expect(stored.length).toBeGreaterThan(30);
    for (const ref of stored) expect((await fresh.get(ref)).length).toBeGreaterThan(0);
  });

  it('stores a file larger than memory allows, though every tenth answer is lost, and leaves no parts', async () => {
    await using place = await temporaryDirectory();
    const [into, out] = [join(place.path, 'in'), join(place.path, 'out')];
    await writeNoise(into, 200);
    const proxy = await CuttingProxy.start(server.port);
    try {
      let requests = 0;
      proxy.toCut = Infinity;
      proxy.isMeant = (request) => request.includes('partNumber') && requests++ % 10 === 9;
      const script = join(import.meta.dirname, '../activities/artifacts/large-file.ts');
      const args = ['--max-old-space-size=64', script, server.urlThrough(proxy.endpoint, 'large'), into, out];
      const { ref, peakBytes } = JSON.parse(
        await output(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })),
      ) as { ref: string; peakBytes: number };
      expect(ref).toBe(`sha256:${await hashOf(into)}`);
      expect(await hashOf(out)).toBe(await hashOf(into));
      expect((await stat(out)).size).toBe(200 * 1024 ** 2);
      expect(peakBytes).toBeLessThan(120 * 1024 ** 2);
      expect(proxy.cuts).toBeGreaterThan(1);
    } finally {
      await proxy.stop();
    }
    const { Uploads: uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: 'muster' }));
    expect(uploads).toEqual([]);
  });

  // MinIO looks at what it reads by itself.
  const mayRot = kind === 'versitygw' ? it : undefined;
  mayRot?.('tells what has rotted on the disk of the server', async () => {
    const store = await openStore(server.url);
    const ref = await store.put(Buffer.from('to rot'));
    await store.writeRecord('rot/record', 'to rot', 0);
    const objects = join(server.data, 'muster/store');
    await writeFile(join(objects, 'blobs', ref.slice(7, 9), ref.slice(9)), 'rotten');
    await expect(store.get(ref)).rejects.toThrow(ArtifactDamaged);
    const record = join(objects, 'records/rot/record@');
    await writeFile(record, (await readFile(record, 'utf8')).replace('to rot', 'rotten'));
    await expect(store.readRecord('rot/record')).rejects.toThrow(ArtifactDamaged);
  });

  it('says what is wrong with bucket and credentials', async () => {
    await expect(openStore(server.url.replace('//muster/', '//nowhere/'))).rejects.toThrow(/no such bucket/);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'another-secret');
    await expect(openStore(server.url)).rejects.toThrow(/does not take the credentials: SignatureDoesNotMatch/);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'nobody');
    await expect(openStore(server.url)).rejects.toThrow(
      /does not take the credentials: (InvalidAccessKeyId|XAdminUserNotFound)/,
    );
    stubEnvironment(server);
  });
}

function stubEnvironment(server: S3Server): void {
  for (const [name, value] of Object.entries(server.environment)) vi.stubEnv(name, value);
}

function startWriter(url: string, times: number): ChildProcess {
  const script = join(import.meta.dirname, '../activities/artifacts/race-writer.ts');
  return spawn(process.execPath, [script, url, 'race/record', times.toString()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function output(child: ChildProcess): Promise<string> {
  const [printed, [code]] = await Promise.all([text(child.stdout!), once(child, 'close') as Promise<[number | null]>]);
  expect(code).toBe(0);
  return printed;
}

async function writeNoise(path: string, mebibytes: number): Promise<void> {
  const file = createWriteStream(path);
  for (let i = 0; i < mebibytes; i++) {
    const seed = createHash('sha512').update(i.toString()).digest();
    if (!file.write(Buffer.alloc(1024 ** 2, seed))) await once(file, 'drain');
  }
  await finished(file.end());
}

async function hashOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
