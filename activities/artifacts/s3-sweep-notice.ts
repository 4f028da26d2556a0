import { setTimeout as delay } from 'node:timers/promises';
import { uniqueName } from './names.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { ConditionFailed } from './s3-errors.ts';

const OBJECT = 'sweep';
/** A collector sends its removal at most so long after its notice; longer, and it begins again. */
const SWIFT_MS = 20_000;
/** A notice that nobody changes for so long belongs to a collector that has died. Much longer than `SWIFT_MS`. */
const DEAD_MS = 120_000;
const LOOK_AGAIN_MS = 200;

/** What the collector is about to remove; `etag` is undefined where none has ever swept. */
interface Notice {
  etag: string | undefined;
  changedAtMs: number;
  isSweeping: boolean;
  doomed: ReadonlySet<string>;
}

/**
 * How writers of blobs and the one collector keep out of each other's way: S3 cannot remove an object on condition of
 * its age. The collector writes down which blobs it is about to remove, looks once more whether they are old, and
 * removes them. A writer makes its blob young and then reads the notice:
 *
 * - It is what it was before the writer began, and does not name the blob: no removal lies between. Whatever is
 *   announced later is looked at later, and found young.
 * - Otherwise the writer waits until the notice does not name its blob, and looks whether that is still there. Whoever
 *   announces it after this look finds it young.
 *
 * Notices change by compare-and-swap, so there is one collector at a time, and one that was taken for dead announces
 * nothing more. It removes nothing more either: a removal is sent within seconds of its notice, and the next collector
 * waits for minutes. Reading costs a small request, which all writers of a process share that ask at the same time.
 */
export class SweepNotice {
  readonly #bucket: S3Bucket;
  #known: Promise<Notice> | undefined;
  #queued: Promise<Notice> | undefined;

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  /**
   * Runs `write`, which makes a blob young and says whether it is there, until no removal can have taken it meanwhile.
   * `isThere` looks without writing. Resolves with whether it is there.
   */
  async outlive(name: string, write: () => Promise<boolean>, isThere: () => Promise<boolean>): Promise<boolean> {
    let before = await (this.#known ?? this.#read());
    for (;;) {
      if (!(await write())) return false;
      let now = await this.#read();
      if (now.etag === before.etag && !now.doomed.has(name)) return true;
      now = await this.#spared(name, now);
      if (await isThere()) return true;
      before = now;
    }
  }

  /** The right to announce removals, which the caller gives back. Waits for another collector to end. */
  async begin(): Promise<Sweep> {
    for (;;) {
      const now = await this.#read();
      if (!now.isSweeping || this.#isDead(now)) {
        const etag = await this.#replace(now.etag, [], true);
        if (etag !== undefined) return this.#sweep(etag);
      }
      await delay(LOOK_AGAIN_MS);
    }
  }

  #sweep(first: string): Sweep {
    let etag = first;
    return {
      announce: async (doomed) => {
        const sinceMs = performance.now();
        const replaced = await this.#replace(etag, doomed, true);
        if (replaced === undefined) throw new Error('another collector has taken over, since this one stood still');
        etag = replaced;
        return { isSwift: () => performance.now() - sinceMs < SWIFT_MS };
      },
      // What is not given back is taken over once it looks dead.
      [Symbol.asyncDispose]: async () => void (await this.#replace(etag, [], false).catch(() => undefined)),
    };
  }

  /** The new etag; undefined: someone else was quicker. A lost answer counts as that, and harms nobody. */
  async #replace(
    etag: string | undefined,
    doomed: readonly string[],
    isSweeping: boolean,
  ): Promise<string | undefined> {
    const body = Buffer.from(JSON.stringify({ name: uniqueName(), isSweeping, doomed }));
    const condition = etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: etag };
    try {
      return await this.#bucket.put(OBJECT, body, { condition });
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      const found = await this.#bucket.get(OBJECT);
      return found?.bytes.equals(body) ? found.etag : undefined;
    }
  }

  /** The first notice that does not name the blob, or that of a collector that has died. */
  async #spared(name: string, notice: Notice): Promise<Notice> {
    let now = notice;
    while (now.doomed.has(name) && !this.#isDead(now)) {
      await delay(LOOK_AGAIN_MS);
      now = await this.#read();
    }
    return now;
  }

  #isDead({ changedAtMs }: Notice): boolean {
    return this.#bucket.nowMs - changedAtMs > DEAD_MS;
  }

  /** As it stands at some moment after the call. */
  #read(): Promise<Notice> {
    this.#queued ??= (this.#known ?? Promise.resolve()).then(
      () => this.#fetch(),
      () => this.#fetch(),
    );
    return this.#queued;
  }

  #fetch(): Promise<Notice> {
    this.#queued = undefined;
    const known = this.#parsed();
    this.#known = known;
    known.catch(() => {
      if (this.#known === known) this.#known = undefined;
    });
    return known;
  }

  async #parsed(): Promise<Notice> {
    const found = await this.#bucket.get(OBJECT);
    if (found === undefined) return { etag: undefined, changedAtMs: 0, isSweeping: false, doomed: new Set() };
    const { isSweeping, doomed } = JSON.parse(found.bytes.toString()) as { isSweeping: boolean; doomed: string[] };
    return { etag: found.etag, changedAtMs: found.changedAtMs, isSweeping, doomed: new Set(doomed) };
  }
}

/** One collector's turn. */
export interface Sweep extends AsyncDisposable {
  /** Says that these blobs, and no others, are about to be removed: now, once they have been looked at again. */
  announce(doomed: readonly string[]): Promise<{ isSwift(): boolean }>;
}
