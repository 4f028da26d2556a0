import { createHash } from 'node:crypto';
import { conflict, keySegments, prefixSegments, recordText, uniqueName } from './names.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { ConditionFailed } from './s3-errors.ts';
import { ArtifactDamaged, type VersionedRecord } from './store.ts';

/** Below this in the bucket; no record's key has an `@`, so no record lies where another has its folder. */
const ROOT = 'records/';
const SUFFIX = '@';
/** Newest records remembered, oldest first out: some 10 MB. */
const MOST_SEEN = 20_000;
/** So many others may have written before a writer finds out that it had written itself. */
const MOST_OTHERS = 8;

/** The first line of a record's object; its value, as JSON, is the rest. */
interface Head {
  version: number;
  /** New in the world with each write: its writer, a dot, a number. */
  name: string;
  /** The last writes before it by other writers, one each, newest first. */
  earlier: string[];
  /** Of the rest, in hex: what a server hands out damaged is not taken for a record. */
  sha256: string;
}

/** What a write must know of the version it replaces. */
type Seen = Pick<Head, 'version' | 'name' | 'earlier'> & { etag: string };

/**
 * Records that change by compare-and-swap: one object each, written on condition of the etag that was read
 * (`If-Match`), the first on condition that there is none (`If-None-Match: *`).
 *
 * A write that is refused may have been refused because of itself: its answer was lost, it was sent again, and found
 * what the first try had written, or what others have since made of it. So each carries a name that is new in the
 * world, and the last names of the writers before it; a writer has one write of a record under way at a time, and,
 * refused, finds its name there exactly if it has written. The name also makes that two writes of equal values have
 * different etags, so that no etag ever comes back.
 */
export class S3Records {
  readonly #bucket: S3Bucket;
  readonly #writer = uniqueName();
  #writes = 0;
  /** The last of a record's writes under way, by key. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  /** Wrong ones do no harm, their write is refused. */
  readonly #seen = new Map<string, Seen>();

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  async read(key: string): Promise<VersionedRecord | undefined> {
    const found = await this.#fetch(key);
    return found && { value: found.value, version: found.version };
  }

  /** The object's text: the value, and what stands around it. */
  async readText(key: string): Promise<string | undefined> {
    return (await this.#bucket.get(objectOf(key)))?.bytes.toString();
  }

  async write(key: string, value: unknown, expected: number): Promise<number> {
    const text = recordText(key, value);
    const before = this.#underWay.get(key);
    const own = before ? before.then(() => this.#write(key, text, expected)) : this.#write(key, text, expected);
    const settled = own.catch(() => undefined);
    this.#underWay.set(key, settled);
    try {
      return await own;
    } finally {
      if (this.#underWay.get(key) === settled) this.#underWay.delete(key);
    }
  }

  async #write(key: string, text: string, expected: number): Promise<number> {
    const before = expected === 0 ? undefined : await this.#expected(key, expected);
    const name = `${this.#writer}.${(this.#writes++).toString(36)}`;
    const earlier = before ? othersBefore(this.#writer, before) : [];
    const next: Head = { version: expected + 1, name, earlier, sha256: hashOf(text) };
    const condition = before ? { ifMatch: before.etag } : { ifNoneMatch: '*' as const };
    try {
      const body = Buffer.from(`${JSON.stringify(next)}\n${text}`);
      const etag = await this.#bucket.put(objectOf(key), body, { condition, name });
      this.#remember(key, { ...next, etag });
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      this.#seen.delete(key);
      const found = await this.#fetch(key);
      if (found?.name !== name && !found?.earlier.includes(name)) throw conflict(key, expected);
    }
    return next.version;
  }

  /** Keys, and when they changed by the server's clock. */
  async *list(prefix: string): AsyncGenerator<{ key: string; changedAtMs: number }> {
    for await (const page of this.#bucket.pages(ROOT + checked(prefix)))
      for (const { key, changedAtMs } of page)
        if (key.endsWith(SUFFIX)) yield { key: key.slice(ROOT.length, -SUFFIX.length), changedAtMs };
  }

  listFolders(prefix: string): AsyncIterable<string> {
    return this.#bucket.folders(ROOT + checked(prefix));
  }

  async delete(prefix: string): Promise<void> {
    for await (const page of this.#bucket.pages(ROOT + checked(prefix)))
      await this.#bucket.remove(page.map(({ key }) => key));
  }

  deleteOne(key: string): Promise<void> {
    return this.#bucket.remove([objectOf(key)]);
  }

  async #expected(key: string, expected: number): Promise<Seen> {
    const seen = this.#seen.get(key);
    const found = seen?.version === expected ? seen : await this.#fetch(key);
    if (found?.version !== expected) throw conflict(key, expected);
    return found;
  }

  async #fetch(key: string): Promise<(Seen & { value: unknown }) | undefined> {
    for (let attempt = 1; ; attempt++) {
      const object = await this.#bucket.get(objectOf(key));
      if (object === undefined) return undefined;
      const { head, value } = parsedRecord(key, object.bytes.toString());
      // A server that hands out the value of one write with the etag of another would let two writers win.
      if (object.name !== undefined && object.name !== head.name) {
        if (attempt < 100) continue;
        throw new ArtifactDamaged(`record ${key} is another than its object says`);
      }
      const found = { ...head, etag: object.etag };
      this.#remember(key, found);
      return { ...found, value };
    }
  }

  #remember(key: string, { version, name, earlier, etag }: Seen): void {
    this.#seen.delete(key);
    this.#seen.set(key, { version, name, earlier, etag });
    if (this.#seen.size <= MOST_SEEN) return;
    for (const oldest of this.#seen.keys()) return void this.#seen.delete(oldest);
  }
}

/** The last names of the writers before `writer`, newest first. */
function othersBefore(writer: string, { name, earlier }: Seen): string[] {
  const told = new Set([writer]);
  const others = [name, ...earlier].filter((one) => {
    const of = one.split('.')[0]!;
    const isFirst = !told.has(of);
    told.add(of);
    return isFirst;
  });
  return others.slice(0, MOST_OTHERS);
}

const objectOf = (key: string): string => `${ROOT}${keySegments(key).join('/')}${SUFFIX}`;

function checked(prefix: string): string {
  prefixSegments(prefix);
  return prefix;
}

function parsedRecord(key: string, text: string): { head: Head; value: unknown } {
  try {
    const end = text.indexOf('\n');
    const head = JSON.parse(text.slice(0, end)) as Head;
    const rest = text.slice(end + 1);
    if (head.sha256 === hashOf(rest)) return { head, value: JSON.parse(rest) };
  } catch (cause) {
    throw new ArtifactDamaged(`record ${key} is not a record`, { cause });
  }
  throw new ArtifactDamaged(`record ${key} does not hold what was written`);
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
