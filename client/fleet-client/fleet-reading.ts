import { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import type { ArtifactStore } from '../../activities/artifacts/store.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { collect } from './bounded.ts';
import { FleetFailure } from './failure.ts';
import { nearestName, resolveLabels } from './labels.ts';
import type { Phases } from './phases.ts';
import { ResultReader, type EndedSubagent } from './result-reader.ts';
import { closedStanding, type Standing } from './standing.ts';

/** Stands for the newest fleet wherever an id is taken. */
const LATEST = '@latest';

/** Asks the root of a fleet how it stands; undefined: there is no such root. */
export type AskRoot = (fleet: FleetRecord, signal?: AbortSignal) => Promise<Standing | undefined>;

/**
 * Reads what the store keeps of fleets, and asks the root only of one that has not ended. An id is a fleet's own or
 * `@latest`. Every method may reject with `FleetFailure`.
 */
export class FleetReading {
  readonly records: FleetRecords;
  readonly #askRoot: AskRoot;

  constructor(store: ArtifactStore, askRoot: AskRoot) {
    this.records = new FleetRecords(store);
    this.#askRoot = askRoot;
  }

  /** Rejects with `unknown_fleet`, naming the nearest id. */
  async find(id: string): Promise<FleetRecord> {
    const found = id === LATEST || !/^[\w-]+$/.test(id) ? undefined : await this.records.fleet(id);
    if (found) return found;
    const fleets = await collect(this.records.fleets());
    const newest = fleets.reduce<FleetRecord | undefined>(
      (best, fleet) => (best && best.createdAtMs >= fleet.createdAtMs ? best : fleet),
      undefined,
    );
    if (id === LATEST && newest) return newest;
    const near = nearestName(
      id,
      fleets.map((fleet) => fleet.id),
    );
    const message = id === LATEST ? 'there is no fleet yet' : `there is no fleet ${JSON.stringify(id)}`;
    const hint = id === LATEST ? 'muster run FILE starts one' : `muster list${near ? `; did you mean ${near}?` : ''}`;
    throw new FleetFailure('unknown_fleet', message, hint);
  }

  async status(id: string): Promise<FleetStatus> {
    return (await this.standing(await this.find(id))).status;
  }

  /** Status and where each subagent stands. A closed or forgotten fleet is read from the store alone. */
  async standing(known: FleetRecord, signal?: AbortSignal, askRoot = this.#askRoot): Promise<Standing> {
    // A retry from elsewhere raises the generation: the record is read anew.
    const fleet = (await this.records.fleet(known.id)) ?? known;
    const summary = await this.records.summary(fleet.id);
    if (summary && summary.generation >= fleet.generation) return closedStanding(fleet, summary);
    const standing = await askRoot(fleet, signal);
    if (standing) return standing;
    if (summary) return closedStanding(fleet, summary);
    const message = `the fleet ${fleet.id} was written down but never started`;
    throw new FleetFailure('not_started', message, `muster run ${fleet.source} starts it anew`);
  }

  /** Newest first. A fleet of which nothing can be told at the moment has no status. */
  async *list(): AsyncGenerator<{ fleet: FleetRecord; status?: FleetStatus }> {
    const fleets = await collect(this.records.fleets());
    for (const fleet of fleets.sort((a, b) => b.createdAtMs - a.createdAtMs)) {
      const standing = await this.standing(fleet).catch((error: unknown) => {
        if (error instanceof FleetFailure) return undefined;
        throw error;
      });
      yield { fleet, ...(standing && { status: standing.status }) };
    }
  }

  /** Indexes of labels, spawned ones included; rejects with `unknown_label`. */
  async indexes(fleet: FleetRecord, labels: readonly string[]): Promise<number[]> {
    const known = this.records.tasks(fleet.manifest, 0, Number.MAX_SAFE_INTEGER);
    return resolveLabels(fleet.id, labels, known);
  }

  /** Ended subagents in task order, a spawned one after its parent; of each the result of its newest generation. */
  async *results(id: string): AsyncGenerator<EndedSubagent> {
    const fleet = await this.find(id);
    yield* this.reader(fleet, await this.standing(fleet)).all();
  }
  reader(fleet: FleetRecord, standing: Standing, phases?: Phases): ResultReader {
    return new ResultReader(this.records, fleet, standing, phases);
  }
}
