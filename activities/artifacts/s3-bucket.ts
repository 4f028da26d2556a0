import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type GetObjectCommandOutput,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { BucketRefused, ConditionFailed, explained, isCollision, isMissing, isRefusedCondition } from './s3-errors.ts';
import { Patience } from './s3-patience.ts';
import type { S3Place } from './s3-url.ts';

/** One request waits this long for the server to begin its answer; a body may take as much longer as it is large. */
const ANSWER_MS = 10_000;
/** The slowest line a body is sent over. */
const BYTES_PER_MS = 256;
/** A connection on which nothing moves for so long is dead. */
const SILENCE_MS = 20_000;
/** Times one is sent that met another, or whose answer was cut. */
const ATTEMPTS = 5;
/** Connections of a process: a thousand subagents, of which a few at a time talk to the store. */
const SOCKETS = 256;
const PART_BYTES = 8 * 1024 ** 2;
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MOST_PARTS = 10_000;
/** Parts in memory at once. */
const PARTS_UNDER_WAY = 3;
const MOST_KEYS = 1_000;

/** What a write expects: no object, or the one with this etag. */
export type Condition = { ifNoneMatch: '*' } | { ifMatch: string };

export interface S3Object {
  key: string;
  sizeBytes: number;
  /** By the server's clock, in whole seconds. */
  changedAtMs: number;
}

export interface WholeObject {
  bytes: Buffer;
  etag: string;
  /** As `put` was given it. */
  name: string | undefined;
  changedAtMs: number;
}

/**
 * The one file that talks to S3: objects below a prefix of one bucket. Errors are those of `explained`; requests are
 * sent again (`Patience`), so a conditional write may find that its own first try has been there (`S3Records`).
 */
export class S3Bucket {
  /** Bucket and prefix as a person knows them. */
  readonly name: string;
  readonly #client: S3Client;
  readonly #place: S3Place;
  readonly #patience: Patience;
  readonly #bucket: string;
  readonly #prefix: string;
  #clockAheadMs = 0;

  private constructor(client: S3Client, place: S3Place, patience: Patience) {
    const { bucket, prefix } = place;
    this.#client = client;
    this.#place = place;
    this.#patience = patience;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.name = `s3://${bucket}/${prefix.replace(/\/$/, '')}`;
  }

  /** Makes no request. */
  static async open(place: S3Place): Promise<S3Bucket> {
    const patience = new Patience();
    const agent = { keepAlive: true, maxSockets: SOCKETS };
    const client = new S3Client({
      ...(place.endpoint !== undefined && { endpoint: place.endpoint }),
      ...(place.region !== undefined && { region: place.region }),
      retryStrategy: patience,
      // What is read is verified by whoever reads it: what does not hold is damaged, and asking again mends nothing.
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: 3_000,
        requestTimeout: ANSWER_MS + PART_BYTES / BYTES_PER_MS,
        throwOnRequestTimeout: true,
        socketTimeout: SILENCE_MS,
        socketAcquisitionWarningTimeout: 60_000,
        httpAgent: agent,
        httpsAgent: agent,
      },
    });
    client.config.forcePathStyle = place.isPathStyle ?? (place.endpoint ?? (await namedEndpoint(client))) !== undefined;
    const bucket = new S3Bucket(client, place, patience);
    bucket.#watchClock();
    return bucket;
  }

  /** The server has answered as it should: from now on one that is away is waited for. */
  trust(): void {
    this.#patience.grow();
  }

  /** The endpoint requests go to. */
  async server(): Promise<string> {
    const named = this.#place.endpoint ?? (await namedEndpoint(this.#client));
    return named ?? `aws ${await this.#client.config.region()}`;
  }

  /** Now, by the server's clock as its newest answer told it, to the second. */
  get nowMs(): number {
    return Date.now() + this.#clockAheadMs;
  }

  /**
   * Writes an object and returns its etag. Throws `ConditionFailed`. With `sha256` (base64) the server refuses bytes
   * that were damaged on the way. `name` is kept beside the bytes.
   */
  async put(
    key: string,
    body: Uint8Array,
    options: { condition?: Condition; sha256?: string; name?: string } = {},
  ): Promise<string> {
    const { condition, sha256, name } = options;
    const command = new PutObjectCommand({
      ...this.#at(key),
      Body: body,
      ...(sha256 !== undefined && { ChecksumSHA256: sha256 }),
      ...(name !== undefined && { Metadata: { name } }),
      ...(condition && ('ifMatch' in condition ? { IfMatch: condition.ifMatch } : { IfNoneMatch: '*' })),
    });
    const requestTimeout = ANSWER_MS + body.byteLength / BYTES_PER_MS;
    for (let attempt = 1; ; attempt++) {
      try {
        const { ETag: etag } = await this.#client.send(command, { requestTimeout });
        if (etag === undefined) throw new BucketRefused(`${this.name}: the server gives its objects no etags`);
        return etag;
      } catch (error) {
        if (condition && isRefusedCondition(error)) throw new ConditionFailed(key, { cause: error });
        if (attempt === ATTEMPTS || !isCollision(error)) throw this.#explained(error);
        await pause(attempt);
      }
    }
  }

  /** Streams an object of known size in parts. A failure of the body, or of the upload, leaves nothing. */
  async upload(key: string, body: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<void> {
    const upload = new Upload({
      client: this.#client,
      params: { ...this.#at(key), Body: Readable.from(body, { objectMode: false }) },
      partSize: Math.max(PART_BYTES, Math.ceil(sizeBytes / MOST_PARTS)),
      queueSize: PARTS_UNDER_WAY,
    });
    await upload.done().catch((error: unknown) => {
      throw this.#explained(error);
    });
  }

  /** A small object, whole; undefined: there is none. */
  async get(key: string): Promise<WholeObject | undefined> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#answer(key);
      if (answer === undefined) return undefined;
      try {
        const bytes = Buffer.from(await answer.Body!.transformToByteArray());
        const { ETag: etag = '', Metadata: metadata, LastModified: changedAt } = answer;
        return { bytes, etag, name: metadata?.['name'], changedAtMs: changedAt?.getTime() ?? 0 };
      } catch (error) {
        if (attempt === ATTEMPTS) throw this.#explained(error);
        await pause(attempt);
      }
    }
  }

  /** An object's bytes in order; undefined: there is none. Cut off, it goes on where it was cut. */
  async read(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const answer = await this.#answer(key);
    return answer && this.#chunks(key, answer);
  }

  async head(key: string): Promise<Omit<S3Object, 'key'> | undefined> {
    try {
      const answer = await this.#client.send(new HeadObjectCommand(this.#at(key)), { requestTimeout: ANSWER_MS });
      return { sizeBytes: answer.ContentLength ?? 0, changedAtMs: answer.LastModified?.getTime() ?? 0 };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#explained(error);
    }
  }

  /** Objects below a prefix in the order of their keys, a thousand at a time, from the first key after `after` on. */
  async *pages(prefix: string, after?: string): AsyncGenerator<S3Object[]> {
    for await (const { Contents: objects = [] } of this.#listings(prefix, after)) {
      if (objects.length === 0) continue;
      yield objects.map(({ Key: key = '', Size: sizeBytes = 0, LastModified: changedAt }) => ({
        key: key.slice(this.#prefix.length),
        sizeBytes,
        changedAtMs: changedAt?.getTime() ?? 0,
      }));
    }
  }

  /** Names directly below a prefix that have objects below them in turn. */
  async *folders(prefix: string): AsyncGenerator<string> {
    for await (const { CommonPrefixes: folders = [] } of this.#listings(prefix, undefined, '/'))
      for (const folder of folders) yield folder.Prefix!.slice(this.#prefix.length + prefix.length, -1);
  }

  /** Removes objects that may be gone already. */
  async remove(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += MOST_KEYS) {
      const objects = keys.slice(at, at + MOST_KEYS).map((key) => ({ Key: this.#prefix + key }));
      const command = new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects: objects, Quiet: true } });
      const requestTimeout = ANSWER_MS + objects.length * 20;
      const { Errors: errors = [] } = await this.#sent(() => this.#client.send(command, { requestTimeout }));
      const first = errors.find(({ Code: code }) => code !== 'NoSuchKey');
      if (first) throw this.#explained(Object.assign(new Error(first.Message), { name: first.Code ?? 'Error' }));
    }
  }

  /** Gives up uploads below a prefix that began before a moment: whoever made them has died. */
  async abandonUploads(prefix: string, beforeMs: number): Promise<void> {
    await this.#sent(async () => {
      for (let from: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {}; from;) {
        const where: ListMultipartUploadsCommandInput = {
          Bucket: this.#bucket,
          Prefix: this.#prefix + prefix,
          ...from,
        };
        const page: ListMultipartUploadsCommandOutput = await this.#client.send(new ListMultipartUploadsCommand(where));
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          if ((Initiated?.getTime() ?? Infinity) > beforeMs) continue;
          await this.#client.send(new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key, UploadId }));
        }
        from = page.IsTruncated
          ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
          : undefined;
      }
    });
  }

  close(): void {
    this.#client.destroy();
  }

  async *#listings(prefix: string, after?: string, delimiter?: string) {
    for (let token: string | undefined; ;) {
      const command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: this.#prefix + prefix,
        ...(delimiter !== undefined && { Delimiter: delimiter }),
        ...(after !== undefined && { StartAfter: this.#prefix + after }),
        ...(token !== undefined && { ContinuationToken: token }),
      });
      const page = await this.#sent(() => this.#client.send(command, { requestTimeout: 3 * ANSWER_MS }));
      yield page;
      token = page.NextContinuationToken;
      if (!page.IsTruncated || token === undefined) return;
    }
  }

  async #answer(key: string, range?: string) {
    try {
      const command = new GetObjectCommand({ ...this.#at(key), ...(range !== undefined && { Range: range }) });
      return await this.#client.send(command, { requestTimeout: ANSWER_MS });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#explained(error);
    }
  }

  async *#chunks(key: string, first: GetObjectCommandOutput) {
    let read = 0;
    let answer: GetObjectCommandOutput | undefined = first;
    for (let attempt = 1; ; attempt++) {
      const body = answer.Body as Readable;
      try {
        for await (const chunk of body as AsyncIterable<Uint8Array>) {
          attempt = 1;
          read += chunk.byteLength;
          yield chunk;
        }
        return;
      } catch (error) {
        if (attempt === ATTEMPTS) throw this.#explained(error);
        await pause(attempt);
        answer = await this.#answer(key, `bytes=${read}-`);
        if (answer === undefined) throw this.#explained(error);
      } finally {
        body.destroy();
      }
    }
  }

  async #sent<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): Error {
    return error instanceof BucketRefused ? error : explained(error, this.name);
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }

  #watchClock(): void {
    const isAfterResponse = { step: 'deserialize', priority: 'low', name: 'musterServerClock' } as const;
    this.#client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { date } = (result.response as { headers?: Record<string, string> }).headers ?? {};
        const nowMs = Date.parse(date ?? '');
        if (!Number.isNaN(nowMs)) this.#clockAheadMs = nowMs - Date.now();
        return result;
      },
      isAfterResponse,
    );
  }
}

/** An endpoint that the environment or a profile names; the SDK finds it. */
async function namedEndpoint(client: S3Client): Promise<string | undefined> {
  const { serviceConfiguredEndpoint: named } = client.config as { serviceConfiguredEndpoint?: () => Promise<string> };
  return named?.();
}

/** Longer with each attempt, and never the same for two that met. */
const pause = (attempt: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 50 * 2 ** attempt * (0.5 + Math.random())));
