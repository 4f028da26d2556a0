import { uniqueName } from './names.ts';
import type { Condition, S3Bucket } from './s3-bucket.ts';
import { MOMENTARY } from './s3-collect.ts';
import { BucketRefused, ConditionFailed } from './s3-errors.ts';

/** What was found out, kept in the store itself. */
const OBJECT = 'proven';
/** A server may be exchanged, or upgraded, under a store. */
const GOOD_FOR_MS = 24 * 3_600_000;
const RACERS = 6;

/**
 * Finds out whether the server honours conditional writes, of which the fence is made: a server that takes a write
 * which it had to refuse would let a stalled attempt write over a newer one. About fifteen small requests, once a day
 * and endpoint for all processes; else one. Throws `BucketRefused`.
 */
export async function proveConditions(bucket: S3Bucket): Promise<void> {
  if (await isProven(bucket)) return;
  await withUnluckyAnswers(() => prove(bucket));
  const found: Proven = { server: await bucket.server(), atMs: bucket.nowMs };
  await bucket.put(OBJECT, Buffer.from(JSON.stringify(found)));
}

interface Proven {
  server: string;
  atMs: number;
}

async function isProven(bucket: S3Bucket): Promise<boolean> {
  const found = await bucket.get(OBJECT);
  if (found === undefined) return false;
  const { server, atMs } = JSON.parse(found.bytes.toString()) as Proven;
  return bucket.nowMs - atMs < GOOD_FOR_MS && server === (await bucket.server());
}

/**
 * A write that had to be taken and was refused may have met its own first try, whose answer was lost: once more, then.
 */
async function withUnluckyAnswers(work: () => Promise<boolean>): Promise<void> {
  for (let attempt = 1; attempt <= 3; attempt++) if (await work()) return;
  throw new BucketRefused('the S3 server refuses conditional writes that it has to take: no fence can be built on it');
}

/** Throws when a write is taken that had to be refused; false: one was refused that had to be taken. */
async function prove(bucket: S3Bucket): Promise<boolean> {
  const key = `${MOMENTARY}${uniqueName()}`;
  const write = async (condition: Condition): Promise<string | undefined> => {
    try {
      return await bucket.put(key, Buffer.from(uniqueName()), { condition });
    } catch (error) {
      if (error instanceof ConditionFailed) return undefined;
      throw error;
    }
  };
  try {
    const first = await write({ ifNoneMatch: '*' });
    if (first === undefined) return false;
    if (await write({ ifNoneMatch: '*' })) throw ignored(bucket, 'If-None-Match');
    const second = await write({ ifMatch: first });
    if (second === undefined) return false;
    if (second === first) throw ignored(bucket, 'ETag');
    if (await write({ ifMatch: first })) throw ignored(bucket, 'If-Match');
    const racers = await Promise.all(Array.from({ length: RACERS }, () => write({ ifMatch: second })));
    const winners = racers.filter((etag) => etag !== undefined);
    if (winners.length > 1) throw ignored(bucket, 'If-Match of writers that race');
    return winners.length === 1;
  } finally {
    await bucket.remove([key]);
  }
}

const ignored = (bucket: S3Bucket, what: string): BucketRefused =>
  new BucketRefused(
    `${bucket.name}: this S3 server ignores ${what}: two attempts of one subagent could write over one another; ` +
      'take a server with conditional writes',
  );
