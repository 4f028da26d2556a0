import { uniqueName } from './names.ts';
import type { Condition, S3Bucket } from './s3-bucket.ts';
import { MOMENTARY } from './s3-collect.ts';
import { BucketRefused, ConditionFailed } from './s3-errors.ts';
import { isHashOf } from './s3-records.ts';

/** What was found out, kept in the store itself. */
const OBJECT = 'proven';
/** A server may be exchanged, or upgraded, under a store. */
const GOOD_FOR_MS = 24 * 3_600_000;
const RACERS = 6;

export interface Proven {
  /** Whether etags are the MD5 of what is stored. */
  hasHashes: boolean;
}

/**
 * Finds out whether the server honours conditional writes, of which the fence is made: a server that takes a write which
 * it had to refuse would let a stalled attempt write over a newer one. About fifteen small requests, once a day and
 * endpoint for all processes; else one. Throws `BucketRefused`.
 */
export async function proveConditions(bucket: S3Bucket): Promise<Proven> {
  const known = await readProven(bucket);
  if (known) return known;
  const proven = await withUnluckyAnswers(() => prove(bucket));
  const found = { server: await bucket.server(), atMs: bucket.nowMs, ...proven };
  await bucket.put(OBJECT, Buffer.from(JSON.stringify(found)));
  return proven;
}

async function readProven(bucket: S3Bucket): Promise<Proven | undefined> {
  const found = await bucket.get(OBJECT);
  if (found === undefined) return undefined;
  const { server, atMs, hasHashes } = JSON.parse(found.bytes.toString()) as {
    server: string;
    atMs: number;
    hasHashes: boolean;
  };
  const isFresh = bucket.nowMs - atMs < GOOD_FOR_MS && server === (await bucket.server());
  return isFresh ? { hasHashes } : undefined;
}

/** A write that had to be taken and was refused may have met its own first try, whose answer was lost: once more, then. */
async function withUnluckyAnswers(work: () => Promise<Proven | undefined>): Promise<Proven> {
  for (let attempt = 1; attempt <= 3; attempt++) {
    const proven = await work();
    if (proven) return proven;
  }
  throw new BucketRefused(
    'the S3 server refuses conditional writes that it has to take: the fence cannot be built on it',
  );
}

async function prove(bucket: S3Bucket): Promise<Proven | undefined> {
  const key = `${MOMENTARY}${uniqueName()}`;
  const body = (): Buffer => Buffer.from(uniqueName());
  const write = async (condition: Condition, bytes = body()): Promise<string | undefined> => {
    try {
      return await bucket.put(key, bytes, { condition });
    } catch (error) {
      if (error instanceof ConditionFailed) return undefined;
      throw error;
    }
  };
  try {
    const first = await write({ ifNoneMatch: '*' });
    if (first === undefined) return undefined;
    if (await write({ ifNoneMatch: '*' })) throw ignored(bucket, 'If-None-Match');
    const bytes = body();
    const second = await write({ ifMatch: first }, bytes);
    if (second === undefined) return undefined;
    if (second === first) throw ignored(bucket, 'ETag');
    if (await write({ ifMatch: first })) throw ignored(bucket, 'If-Match');
    const racers = await Promise.all(Array.from({ length: RACERS }, () => write({ ifMatch: second })));
    const winners = racers.filter((etag) => etag !== undefined);
    if (winners.length > 1) throw ignored(bucket, 'If-Match of writers that race');
    return winners.length === 1 ? { hasHashes: isHashOf(second, bytes) } : undefined;
  } finally {
    await bucket.remove([key]);
  }
}

const ignored = (bucket: S3Bucket, what: string): BucketRefused =>
  new BucketRefused(
    `${bucket.name}: this S3 server ignores ${what}: two attempts of one subagent could write over one another; ` +
      'take a server with conditional writes',
  );
