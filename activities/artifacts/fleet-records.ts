import type { z } from 'zod';
import { recordKeys } from '../../workflows/contract/ids.ts';
import { FleetSummary, SubagentRecord } from '../../workflows/contract/record.schema.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import { FleetRecord, Manifest, type Result } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import { loadPage, loadTasks, parsed, parsedJson, savePages, type ManifestPage } from './manifest-pages.ts';
import { spawnedEntries } from './spawned-tasks.ts';
import type { ArtifactStore } from './store.ts';

/** Pages kept in memory: at most 4 MiB of tasks as text. */
const CACHED_PAGES = 4;
const CACHED_MANIFESTS = 16;

/**
 * Typed reading of what the store keeps of fleets; client and worker share it. Everything is checked against its schema
 * here: what does not fit is `ArtifactDamaged`. Records are read anew each time; manifests and pages, which never
 * change, are cached.
 */
export class FleetRecords {
  readonly #store: ArtifactStore;
  readonly #manifests = new Newest<Manifest>(CACHED_MANIFESTS);
  readonly #pages = new Newest<Task[]>(CACHED_PAGES);

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /** Throws `ArtifactMissing` or `ArtifactDamaged`. */
  async manifest(ref: ArtifactRef): Promise<Manifest> {
    return this.#manifests.get(ref, async () => {
      const text = Buffer.from(await this.#store.get(ref)).toString();
      return parsed(Manifest, parsedJson(text, ref), ref);
    });
  }

  /** The task at an index of the fleet, spawned ones included; throws `RangeError` for an index nobody has written down. */
  async task(manifestRef: ArtifactRef, index: number): Promise<Task> {
    for await (const task of this.tasks(manifestRef, index, 1)) return task;
    throw new RangeError(`the fleet has no task ${index.toString()}`);
  }

  /**
   * Tasks of a range in the order of their indexes: those of the manifest, then the spawned ones as they were admitted,
   * with `dependsOn` as indexes. What lies past the end is left out.
   */
  async *tasks(manifestRef: ArtifactRef, from: number, count: number): AsyncIterable<Task> {
    const { fleetId, pages, count: planned } = await this.manifest(manifestRef);
    for (const page of pages) {
      if (page.from + page.count <= from || page.from >= from + count) continue;
      const tasks = await this.#pages.get(page.ref, () => loadPage(this.#store, page));
      yield* tasks.slice(Math.max(0, from - page.from), from + count - page.from);
    }
    const first = Math.max(0, from - planned);
    for await (const [ref, offset, base] of spawnedEntries(this.#store, fleetId, first, from + count - planned)) {
      const task = (await this.pageTasks(ref))[offset];
      if (!task) throw new RangeError(`${ref} has no task ${offset.toString()}`);
      yield { ...task, dependsOn: task.dependsOn.map((other) => other + base) };
    }
  }

  /** The tasks of one page, by its reference, `dependsOn` as stored. */
  pageTasks(ref: ArtifactRef): Promise<Task[]> {
    return this.#pages.get(ref, () => loadTasks(this.#store, ref));
  }

  /** Stores tasks that are to be spawned, in pages as a manifest has them; `dependsOn` stays as it is. */
  saveTasks(tasks: Iterable<Task>): Promise<ManifestPage[]> {
    return savePages(this.#store, tasks);
  }

  /**
   * Stores a manifest and its tasks, in pages of at most 500 tasks or about 1 MiB, and returns the manifest's
   * reference. Tasks are taken one at a time, so their number is not bounded by memory. `count` of the manifest is that
   * of the tasks. Calling it twice stores once.
   */
  async saveManifest(
    head: Omit<Manifest, 'pages' | 'count'>,
    tasks: AsyncIterable<Task> | Iterable<Task>,
  ): Promise<ArtifactRef> {
    const pages = await savePages(this.#store, tasks);
    const count = pages.reduce((sum, page) => sum + page.count, 0);
    return this.#store.put(Buffer.from(JSON.stringify(parsed(Manifest, { ...head, count, pages }, 'a new manifest'))));
  }

  async fleet(fleetId: string): Promise<FleetRecord | undefined> {
    return (await this.#record(FleetRecord, recordKeys.fleet(fleetId)))?.record;
  }

  /** All fleets the store knows, in no particular order; does not read their subagents. */
  async *fleets(): AsyncIterable<FleetRecord> {
    for await (const fleetId of this.#store.listFolders(recordKeys.fleets)) {
      const fleet = await this.fleet(fleetId);
      if (fleet !== undefined) yield fleet;
    }
  }

  async summary(fleetId: string): Promise<FleetSummary | undefined> {
    return (await this.#record(FleetSummary, recordKeys.summary(fleetId)))?.record;
  }

  /** The record and the version a `writeRecord` must expect. */
  async subagent(fleetId: string, index: number, generation: number): Promise<Versioned<SubagentRecord> | undefined> {
    return this.#record(SubagentRecord, recordKeys.subagent(fleetId, index, generation));
  }

  /** The result of the highest generation that has one. `treeMicroUsd`: its cost, with all it had promised to its own. */
  async newestResult(
    fleetId: string,
    index: number,
  ): Promise<{ result: Result; generation: number; treeMicroUsd: number } | undefined> {
    const prefix = recordKeys.generations(fleetId, index);
    const generations: number[] = [];
    for await (const key of this.#store.listRecords(prefix)) generations.push(Number(key.slice(prefix.length)));
    for (const generation of generations.sort((a, b) => b - a)) {
      const {
        result,
        costMicroUsd = 0,
        grantedMicroUsd = 0,
      } = (await this.subagent(fleetId, index, generation))?.record ?? {};
      if (result !== undefined) return { result, generation, treeMicroUsd: costMicroUsd + grantedMicroUsd };
    }
    return undefined;
  }

  async #record<T>(schema: z.ZodType<T>, key: string): Promise<Versioned<T> | undefined> {
    const found = await this.#store.readRecord(key);
    return found && { record: parsed(schema, found.value, key), version: found.version };
  }
}

export interface Versioned<T> {
  record: T;
  version: number;
}

/** The newest few values by content address; a value under way is waited for by all who ask, a failure forgotten. */
class Newest<T> {
  readonly #limit: number;
  readonly #values = new Map<string, Promise<T>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string, load: () => Promise<T>): Promise<T> {
    const value = this.#values.get(key) ?? load();
    this.#values.delete(key);
    this.#values.set(key, value);
    value.catch(() => this.#values.delete(key));
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#limit) break;
      this.#values.delete(oldest);
    }
    return value;
  }
}
