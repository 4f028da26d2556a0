import { createHash } from 'node:crypto';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openStore } from '../../../activities/artifacts/open-store.ts';
import { ArtifactMissing, RecordConflict, StoreFull, type ArtifactStore } from '../../../activities/artifacts/store.ts';
import { failure, FakeS3, type FakeRequest } from '../../support/fake-s3.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** What a real server does not do when asked. Orders of events are forced, never waited for. */

let fake: FakeS3;
let store: ArtifactStore;
beforeEach(async () => {
  fake = await FakeS3.start();
  for (const [name, value] of Object.entries(fake.environment)) vi.stubEnv(name, value);
  store = await openStore(fake.url);
  fake.requests = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await fake.stop();
});

const KEY = 'fleets/f/subagents/0/7/1';
const isWrite = ({ method, key }: FakeRequest): boolean => method === 'PUT' && key.startsWith('store/records/');
const bytes = (text: string): Buffer => Buffer.from(text);
const refOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const HOUR_MS = 3_600_000;

function age(): void {
  for (const object of fake.objects.values()) object.changedAtMs -= 2 * HOUR_MS;
}

/** For the next request that is meant; the ones after go as they came. */
function once(isMeant: (request: FakeRequest) => boolean, intercept: FakeS3['intercept']): void {
  fake.intercept = (request, apply) => {
    if (!isMeant(request)) return apply();
    fake.intercept = (_request, go) => go();
    return intercept(request, apply);
  };
}

describe('what things cost', () => {
  it('one request for a checkpoint and for a read; for a small blob two, one of them to read the notice', async () => {
    await store.writeRecord(KEY, { turn: 1 }, 0);
    await store.writeRecord(KEY, { turn: 2 }, 1);
    await store.readRecord(KEY);
    expect(fake.requests.map((one) => one.split(' ')[0])).toEqual(['PUT', 'PUT', 'GET']);
    fake.requests = [];
    await store.put(bytes('first')); // and the notice as it was before
    fake.requests = [];
    await store.put(bytes('second'));
    expect(fake.requests).toEqual([expect.stringContaining('PUT store/blobs/'), 'GET store/sweep']);
  });

  it('many blobs at once share the looks at the notice', async () => {
    await Promise.all(Array.from({ length: 100 }, (_, i) => store.put(bytes(i.toString()))));
    expect(fake.requests.filter((one) => one.startsWith('PUT')).length).toBe(100);
    expect(fake.requests.filter((one) => one.startsWith('GET')).length).toBeLessThan(60);
  });

  it('a large blob that is there is not sent again', async () => {
    const large = Buffer.alloc(9_000_000, 'large ');
    const ref = await store.put(large);
    fake.requests = [];
    expect(await store.put(large)).toBe(ref);
    const name = `${ref.slice(7, 9)}/${ref.slice(9)}`;
    expect(fake.requests).toEqual([`HEAD store/blobs/${name}`, `PUT store/young/${name}`, 'GET store/sweep']);
  });
});

describe('a write whose answer is lost', () => {
  it('has written, whether it was the first or a later one', async () => {
    once(isWrite, (_request, apply) => (apply(), 'cut'));
    expect(await store.writeRecord(KEY, 'first', 0)).toBe(1);
    once(isWrite, (_request, apply) => (apply(), failure(500, 'InternalError')));
    expect(await store.writeRecord(KEY, 'second', 1)).toBe(2);
    expect(await store.readRecord(KEY)).toEqual({ value: 'second', version: 2 });
    expect(await store.writeRecord(KEY, 'third', 2)).toBe(3);
  });

  it('has written, though others have gone on from it many times', async () => {
    const other = await openStore(fake.url);
    await store.writeRecord(KEY, 'first', 0);
    once(isWrite, async (_request, apply) => {
      apply();
      for (let version = 2; version < 30; version++) {
        const found = await other.readRecord(KEY);
        await other.writeRecord(KEY, 'theirs', found!.version);
      }
      return 'cut' as const;
    });
    expect(await store.writeRecord(KEY, 'ours', 1)).toBe(2);
    expect(await store.readRecord(KEY)).toEqual({ value: 'theirs', version: 30 });
  });

  it('has not written when another was quicker', async () => {
    const other = await openStore(fake.url);
    await store.writeRecord(KEY, 'first', 0);
    once(isWrite, async () => {
      await other.readRecord(KEY);
      await other.writeRecord(KEY, 'theirs', 1);
      return 'cut' as const;
    });
    await expect(store.writeRecord(KEY, 'ours', 1)).rejects.toThrow(RecordConflict);
    expect(await store.readRecord(KEY)).toEqual({ value: 'theirs', version: 2 });
  });

  it('and two of one process on one record go in turn, so that neither is taken for the other', async () => {
    await store.writeRecord(KEY, 'first', 0);
    once(isWrite, (_request, apply) => (apply(), 'cut'));
    const written = await Promise.all([store.writeRecord(KEY, 'a', 1), store.writeRecord(KEY, 'b', 2)]);
    expect(written).toEqual([2, 3]);
    expect(await store.readRecord(KEY)).toEqual({ value: 'b', version: 3 });
  });
});

describe('what the server says', () => {
  it('when two writes met, is asked again', async () => {
    let met = 0;
    fake.intercept = (request, apply) =>
      isWrite(request) && met++ < 3 ? failure(409, 'ConditionalRequestConflict') : apply();
    expect(await store.writeRecord(KEY, 'x', 0)).toBe(1);
    expect(met).toBe(4);
  });

  it('when it throttles or breaks, is asked again', async () => {
    for (const [status, code] of [[503, 'SlowDown'] as const, [500, 'InternalError'] as const]) {
      let times = 0;
      fake.intercept = (_request, apply) => (times++ < 4 ? failure(status, code) : apply());
      await store.put(bytes(code));
      expect(Buffer.from(await store.get(refOf(code))).toString()).toBe(code);
    }
  });

  it('when it is away for a moment, is waited for, by as many as there are', async () => {
    const awayUntil = performance.now() + 1_500;
    fake.intercept = (_request, apply) => (performance.now() < awayUntil ? 'cut' : apply());
    const writes = Array.from({ length: 300 }, (_, i) => store.writeRecord(`away/${i.toString()}`, i, 0));
    expect(new Set(await Promise.all(writes))).toEqual(new Set([1]));
  });

  it.each([
    [507, 'XMinioStorageFull'],
    [403, 'QuotaExceeded'],
  ])('with %d %s, is that there is no room: StoreFull, and nothing is written', async (status, code) => {
    await store.writeRecord(KEY, 'kept', 0);
    fake.intercept = ({ method }, apply) => (method === 'PUT' ? failure(status, code) : apply());
    await expect(store.put(bytes('x'))).rejects.toThrow(StoreFull);
    await expect(store.writeRecord(KEY, 'lost', 1)).rejects.toThrow(StoreFull);
    await expect(store.probe()).rejects.toThrow(StoreFull);
    expect(await store.readRecord(KEY)).toEqual({ value: 'kept', version: 1 });
    fake.intercept = (_request, apply) => apply();
    await store.probe();
    expect(await store.writeRecord(KEY, 'kept', 1)).toBe(2);
  });

  it.each([
    [403, 'AccessDenied', /access is denied: the README lists the permissions/],
    [403, 'InvalidAccessKeyId', /does not take the credentials: InvalidAccessKeyId/],
    [404, 'NoSuchBucket', /s3:\/\/bucket\/store: there is no such bucket/],
    [400, 'SomethingElse', /s3:\/\/bucket\/store: SomethingElse: of the test/],
  ])('with %d %s, is told at once, with where', async (status, code, told) => {
    fake.intercept = () => failure(status, code);
    fake.requests = [];
    await expect(store.readRecord(KEY)).rejects.toThrow(told);
    await expect(openStore(fake.url)).rejects.toThrow(told);
    expect(fake.requests.length).toBe(2);
  });

  it('that was cut in the middle of a body, is read on from there', async () => {
    await using place = await temporaryDirectory();
    const large = Buffer.alloc(3_000_000, 'cut in the middle ');
    const ref = await store.put(large);
    const ranges: (string | undefined)[] = [];
    fake.intercept = ({ method, headers }, apply) => {
      const reply = apply();
      if (method !== 'GET') return reply;
      ranges.push(headers.range);
      const whole = reply.body as Buffer;
      return ranges.length > 2 ? reply : { ...reply, body: whole.subarray(0, whole.length / 2), cutsAfterBody: true };
    };
    await store.getFile(ref, join(place.path, 'out'));
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=\d+-$/), expect.stringMatching(/^bytes=\d+-$/)]);
    ranges.length = 0;
    expect(Buffer.from(await store.get(ref)).equals(large)).toBe(true);
    expect(ranges.length).toBe(3);
  });
});

describe('a server whose conditional writes do not hold', () => {
  it('is refused when it ignores conditions', async () => {
    await fake.stop();
    fake = await FakeS3.start();
    fake.ignoresConditions = true;
    await expect(openStore(fake.url)).rejects.toThrow(/this S3 server ignores If-None-Match.*take a server/s);
    expect([...fake.objects.keys()]).toEqual([]);
  });

  it.each([
    ['If-Match', ({ headers }: FakeRequest) => headers['if-match'] !== undefined],
    ['If-Match of writers that race', ({ headers }: FakeRequest) => headers['if-match'] !== undefined],
  ])('is refused when it ignores %s', async (what, isMeant) => {
    await fake.stop();
    fake = await FakeS3.start();
    const isRace = what.endsWith('race');
    let asked = 0;
    fake.intercept = (request, apply) => {
      if (!isMeant(request) || (isRace && asked++ < 2)) return apply();
      return { status: 200, headers: { etag: fake.store(request.key, request.body) } };
    };
    await expect(openStore(fake.url)).rejects.toThrow(`this S3 server ignores ${what}:`);
  });

  it('is proven once a day, for all processes; a lost answer meanwhile accuses nobody', async () => {
    await fake.stop();
    fake = await FakeS3.start();
    once(
      ({ method }) => method === 'PUT',
      (_request, apply) => (apply(), 'cut'),
    );
    await openStore(fake.url);
    fake.requests = [];
    await openStore(fake.url);
    expect(fake.requests).toEqual(['GET store/proven']);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * HOUR_MS });
    try {
      fake.requests = [];
      await openStore(fake.url);
      expect(fake.requests.length).toBeGreaterThan(10);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is found out where value and etag of two writes are mixed', async () => {
    await store.writeRecord(KEY, 'old', 0);
    const old = fake.objects.get(`store/records/${KEY}@`)!;
    await store.writeRecord(KEY, 'new', 1);
    let reads = 0;
    fake.intercept = (request, apply) => {
      const reply = apply();
      return request.method === 'GET' && reads++ < 3
        ? { ...reply, body: old.bytes, headers: { ...reply.headers, 'content-length': String(old.bytes.length) } }
        : reply;
    };
    expect(await store.readRecord(KEY)).toEqual({ value: 'new', version: 2 });
    expect(reads).toBe(4);
  });

  it('may give etags that are no hashes', async () => {
    await fake.stop();
    fake = await FakeS3.start();
    fake.hasRandomEtags = true;
    store = await openStore(fake.url);
    await store.writeRecord(KEY, 1, 0);
    await store.writeRecord(KEY, 2, 1);
    expect(await store.readRecord(KEY)).toEqual({ value: 2, version: 2 });
  });
});

describe('large files', () => {
  it('that change while they are stored are not stored, and leave no parts', async () => {
    await using place = await temporaryDirectory();
    const path = join(place.path, 'file');
    await writeFile(path, Buffer.alloc(20_000_000, 'before '));
    once(
      ({ query }) => query.has('uploads'),
      async (_request, apply) => {
        await appendFile(path, 'after');
        return apply();
      },
    );
    await expect(store.putFile(path)).rejects.toThrow(/changed while it was stored/);
    expect(fake.uploads.size).toBe(0);
    expect([...fake.objects.keys()].filter((key) => key.startsWith('store/blobs/'))).toEqual([]);
  });

  it('are stored though the answer to the last request is lost', async () => {
    await using place = await temporaryDirectory();
    const path = join(place.path, 'file');
    await writeFile(path, Buffer.alloc(20_000_000, 'x'));
    once(
      ({ method, query }) => method === 'POST' && query.has('uploadId'),
      (_request, apply) => (apply(), 'cut'),
    );
    const ref = await store.putFile(path);
    expect((await store.get(ref)).length).toBe(20_000_000);
  });

  it('whose process died leave parts that a collector gives up after a day', async () => {
    const abandoned = { key: 'store/blobs/aa/bb', parts: new Map<number, Buffer>(), startedAtMs: Date.now() };
    fake.uploads.set('young', abandoned);
    fake.uploads.set('old', { ...abandoned, startedAtMs: Date.now() - 25 * HOUR_MS });
    await store.collect(0);
    expect([...fake.uploads.keys()]).toEqual(['young']);
  });
});

describe('collecting beside writers', () => {
  let collector: ArtifactStore;
  beforeEach(async () => {
    await store.put(bytes('contended'));
    await store.put(bytes('loose'));
    age();
    collector = await openStore(fake.url);
  });
  const isRemoval = ({ method, query }: FakeRequest): boolean => method === 'POST' && query.has('delete');
  const isAnnouncement = ({ method, key, body }: FakeRequest): boolean =>
    method === 'PUT' && key === 'store/sweep' && body.toString().includes(refOf('contended').slice(9));

  it('a blob stored again before it is announced is looked at again, and kept', async () => {
    once(isAnnouncement, async (_request, apply) => {
      await store.put(bytes('contended'));
      return apply();
    });
    expect(await collector.collect(HOUR_MS)).toEqual({ blobs: 1, bytes: 5 });
    expect(Buffer.from(await store.get(refOf('contended'))).toString()).toBe('contended');
  });

  it('a blob asked for before it is announced is kept', async () => {
    once(isAnnouncement, async (_request, apply) => {
      expect(await store.has(refOf('contended'))).toBe(true);
      return apply();
    });
    expect(await collector.collect(HOUR_MS)).toEqual({ blobs: 1, bytes: 5 });
    expect(Buffer.from(await store.get(refOf('contended'))).toString()).toBe('contended');
  });

  it('a blob stored again between the look and the removal is stored once more', async () => {
    let storing: Promise<string> | undefined;
    once(isRemoval, async (_request, apply) => {
      const before = fake.requests.length;
      storing = store.put(bytes('contended'));
      // It has been written, and waits for the removal it cannot stop.
      await vi.waitFor(
        () => expect(fake.requests.slice(before).filter((one) => one === 'GET store/sweep').length).toBeGreaterThan(2),
        { timeout: 20_000 },
      );
      return apply();
    });
    expect((await collector.collect(HOUR_MS)).blobs).toBe(2);
    expect(await storing).toBe(refOf('contended'));
    expect(Buffer.from(await store.get(refOf('contended'))).toString()).toBe('contended');
  });

  it('a blob asked for between the look and the removal is said to be gone', async () => {
    let asking: Promise<boolean> | undefined;
    once(isRemoval, async (_request, apply) => {
      const before = fake.requests.length;
      asking = store.has(refOf('contended'));
      await vi.waitFor(
        () => expect(fake.requests.slice(before).filter((one) => one === 'GET store/sweep').length).toBeGreaterThan(2),
        { timeout: 20_000 },
      );
      return apply();
    });
    await collector.collect(HOUR_MS);
    expect(await asking).toBe(false);
    await expect(store.get(refOf('contended'))).rejects.toThrow(ArtifactMissing);
  });

  it('one that died with its notice standing holds up nobody for ever', async () => {
    const doomed = refOf('contended').slice(7);
    const notice = { name: 'dead', isSweeping: true, doomed: [`${doomed.slice(0, 2)}/${doomed.slice(2)}`] };
    fake.store('store/sweep', Buffer.from(JSON.stringify(notice)), Date.now() - 10 * 60_000);
    await store.put(bytes('contended'));
    expect((await collector.collect(HOUR_MS)).blobs).toBe(1);
  });

  it('one that was taken for dead removes nothing more', async () => {
    once(isAnnouncement, async (_request, apply) => {
      const notice = fake.objects.get('store/sweep')!;
      notice.changedAtMs -= 10 * 60_000;
      await store.collect(HOUR_MS);
      await store.put(bytes('contended'));
      return apply();
    });
    await expect(collector.collect(HOUR_MS)).rejects.toThrow(/another collector has taken over/);
    expect(Buffer.from(await store.get(refOf('contended'))).toString()).toBe('contended');
  });

  it('two at once go one after the other', async () => {
    const freed = await Promise.all([collector.collect(HOUR_MS), store.collect(HOUR_MS)]);
    expect(freed.map(({ blobs }) => blobs).sort()).toEqual([0, 2]);
  });
});
