import { firstCarry } from '../../workflows/contract/fleet-start.ts';
import {
  approveUpdate,
  cancelUpdate,
  pauseUpdate,
  rejectUpdate,
  resumeUpdate,
  retryUpdate,
  setUpdate,
  skipUpdate,
  stopUpdate,
  type FleetStatus,
} from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import type { Approval } from '../../workflows/contract/units.ts';
import type { ClaudeAccess } from '../config.ts';
import type { Stack } from '../local/stack.ts';
import type { FleetPlan } from '../spec/plan.ts';
import { FleetFailure, changed } from './failure.ts';
import { endedBefore, forget } from './forgetting.ts';
import { FleetReading } from './fleet-reading.ts';
import { FleetRoot } from './fleet-root.ts';
import { changeFleet, startNextGeneration } from './next-generation.ts';
import { hasEnded, type Standing } from './standing.ts';
import { Phases } from './phases.ts';
import { exchangesFrom } from './script-journal.ts';
import { StartFinder } from './start-finder.ts';
import { startRoot } from './start-root.ts';
import { initialUnits, register, type Registered, type SubmitOptions } from './submit.ts';
import { FleetWatch, type WatchOptions } from './watch.ts';
import type { JournalMark } from './watch-cursor.ts';

/** A cancelled root has this long to close before its last word is taken instead. */
const CLOSING_MS = 5_000;

/**
 * Starts, watches and steers fleets; never does their work. An id is a fleet's own or `@latest`. Every method may
 * reject with `FleetFailure`, and outlives a server or worker that is briefly away, which it has the stack mend.
 */
export class FleetClient extends FleetReading {
  readonly #stack: Stack;
  readonly #accessOf: (fleet: FleetRecord) => ClaudeAccess | undefined;
  /** Fleets whose server and worker were seen to be up, by queue. */
  readonly #reached = new Set<string>();

  /** `accessOf`: with what a fleet's worker is brought back; undefined: this process has no such credential. */
  constructor(stack: Stack, accessOf: (fleet: FleetRecord) => ClaudeAccess | undefined = () => undefined) {
    super(stack.store, (fleet, signal) => this.#ask(fleet, () => this.#root(fleet).look(signal)));
    this.#stack = stack;
    this.#accessOf = accessOf;
  }

  /** Starts a fleet. With an idempotency key it is safe to call again and at once: one fleet, started once. */
  async submit(plan: FleetPlan, options: SubmitOptions): Promise<Registered> {
    const registered = await register(plan, { store: this.#stack.store, records: this.records }, options);
    const { fleet } = registered;
    // A later generation was started by a retry, which an old key must not touch.
    if (fleet.generation > 1) return registered;
    const { hasGraph } = await this.records.manifest(fleet.manifest);
    const units = await this.#initialUnits(fleet, plan, registered.isNew);
    await startRoot(this.#stack, fleet, hasGraph, firstCarry(units));
    return registered;
  }

  /** Who is not eligible: from the plan, or from the store when another process wrote this fleet down. */
  async #initialUnits(fleet: FleetRecord, plan: FleetPlan, isMine: boolean): Promise<string | undefined> {
    if (isMine) return initialUnits(plan);
    if (await this.records.summary(fleet.id)) return undefined;
    const letters: string[] = [];
    for (let index = 0; index < fleet.count; index++) {
      const found = await this.records.subagent(fleet.id, index, 1);
      letters.push(found?.record.fence.epoch === 0 && found.record.result?.status === 'skipped' ? 'K' : 'q');
    }
    return letters.includes('K') ? letters.join('') : undefined;
  }

  async #ask(fleet: FleetRecord, look: () => Promise<Standing | undefined>): Promise<Standing | undefined> {
    await this.#reach(fleet);
    return look();
  }

  /** Once for each queue; from then on mending looks after server and worker. */
  async #reach(fleet: FleetRecord): Promise<void> {
    if (this.#reached.has(fleet.agentsQueue)) return;
    this.#reached.add(fleet.agentsQueue);
    await this.#stack.mend();
    const access = this.#accessOf(fleet);
    if (access) await this.#stack.ensureWorker(access);
  }

  #root(fleet: Pick<FleetRecord, 'id'>): FleetRoot {
    return new FleetRoot(this.#stack, fleet.id);
  }

  async pause(id: string): Promise<FleetStatus> {
    return this.#root(await this.#open(id)).update((root, updateId) => root.executeUpdate(pauseUpdate, { updateId }));
  }
  async resume(id: string): Promise<FleetStatus> {
    return this.#root(await this.#open(id)).update((root, updateId) => root.executeUpdate(resumeUpdate, { updateId }));
  }
  /** Resolves once nothing of the fleet runs any more, as a rule with the state it ended in. */
  async cancel(id: string): Promise<FleetStatus> {
    const fleet = await this.#open(id);
    const status = await this.#root(fleet).update((root, updateId) => root.executeUpdate(cancelUpdate, { updateId }));
    // The root has yet to write its summary.
    const signal = AbortSignal.timeout(CLOSING_MS);
    return this.wait(fleet.id, { signal, everyMs: 100 }).catch((error: unknown) => {
      if (signal.aborted) return status;
      throw error;
    });
  }
  /** As `cancel`, for these subagents. */
  async stop(id: string, labels: readonly string[]): Promise<FleetStatus> {
    const fleet = await this.#open(id);
    const indexes = await this.indexes(fleet, labels);
    return this.#root(fleet).update((root, updateId) =>
      root.executeUpdate(stopUpdate, { updateId, args: [{ indexes }] }),
    );
  }
  async skip(id: string, labels: readonly string[]): Promise<FleetStatus> {
    const fleet = await this.#open(id);
    const indexes = await this.indexes(fleet, labels);
    return this.#root(fleet).update((root, updateId) =>
      root.executeUpdate(skipUpdate, { updateId, args: [{ indexes }] }),
    );
  }

  /** What is asked: the oldest open approval, or the one of this hash. Rejects with `not_asked` or `changed`. */
  async asked(id: string, hash?: string): Promise<Approval> {
    const fleet = await this.#open(id);
    const { approvals = [] } = (await this.standing(fleet)).status;
    const found = hash === undefined ? approvals[0] : approvals.find((one) => one.hash === hash);
    if (found) return found;
    if (approvals.length === 0)
      throw new FleetFailure('not_asked', `the fleet ${fleet.id} asks for no approval`, `muster status ${fleet.id}`);
    throw changed(fleet.id);
  }
  /** Of the hash of what was looked at; rejects with `changed` when that is no longer what is asked. */
  async approve(id: string, hash: string): Promise<FleetStatus> {
    const { id: fleetId } = await this.#open(id);
    return this.#root({ id: fleetId }).update((root, updateId) =>
      root.executeUpdate(approveUpdate, { updateId, args: [{ hash }] }),
    );
  }
  async reject(id: string, hash: string): Promise<FleetStatus> {
    const { id: fleetId } = await this.#open(id);
    return this.#root({ id: fleetId }).update((root, updateId) =>
      root.executeUpdate(rejectUpdate, { updateId, args: [{ hash }] }),
    );
  }

  /** The new limits outlive this generation. */
  async set(id: string, limits: { concurrency?: number; budgetMicroUsd?: number }): Promise<FleetStatus> {
    const fleet = await this.#open(id);
    const status = await this.#root(fleet).update((root, updateId) =>
      root.executeUpdate(setUpdate, { updateId, args: [limits] }),
    );
    await changeFleet(this.#stack.store, fleet.id, (now) => ({ ...now, limits: { ...now.limits, ...limits } }));
    return status;
  }

  /**
   * Runs these, or all that failed, again. An ended fleet goes on as its next generation, for which `ensureQueue` must
   * have a worker ready. Rejects with `nothing_to_retry`.
   */
  async retry(
    id: string,
    chosen: readonly number[] | 'failed',
    ensureQueue: (fleet: FleetRecord) => Promise<string>,
  ): Promise<FleetStatus> {
    const fleet = await this.find(id);
    const summary = await this.records.summary(fleet.id);
    await this.#stack.mend();
    const isOpen = (await this.#root(fleet).life()) === 'open';
    if (!isOpen && !summary) throw new FleetFailure('not_started', `the fleet ${fleet.id} never ran`, 'muster list');
    if (isOpen || !summary) {
      await this.#reach(fleet);
      return this.#retryOpen(fleet, chosen);
    }
    const agentsQueue = await ensureQueue(fleet);
    const placed = await changeFleet(this.#stack.store, fleet.id, (now) => ({ ...now, agentsQueue }));
    const isMine = await startNextGeneration(this.#stack, this.records, placed, summary, chosen);
    return isMine ? this.status(fleet.id) : this.#retryOpen(fleet, chosen);
  }

  #retryOpen(fleet: FleetRecord, chosen: readonly number[] | 'failed'): Promise<FleetStatus> {
    const indexes = chosen === 'failed' ? chosen : [...chosen];
    return this.#root(fleet).update((root, updateId) =>
      root.executeUpdate(retryUpdate, { updateId, args: [{ indexes }] }),
    );
  }

  /** Tells the changes of a fleet until it has ended, and mends the stack meanwhile. */
  watch(fleet: FleetRecord, options: WatchOptions = {}): FleetWatch {
    const finder = new StartFinder(this.records, fleet);
    const phases = options.tellsPhases && fleet.kind === 'script' ? new Phases(this.records, fleet) : undefined;
    const watched = {
      id: fleet.id,
      look: () => this.standing(fleet, undefined, (now) => this.#ask(now, () => this.#lookOnce(now))),
      ended: (standing: Standing, indexes: readonly number[]) => this.reader(fleet, standing, phases).some(indexes),
      started: (standing: Standing) => finder.look(standing),
      said: ({ status }: Standing, from: JournalMark) =>
        fleet.kind === 'script' ? exchangesFrom(this.#stack.store, status, from) : nothing(),
      mend: () => this.#stack.mend(),
      closing: (signal: AbortSignal) => this.#root(fleet).ended(signal),
    };
    return new FleetWatch(watched, options);
  }

  #lookOnce(fleet: FleetRecord): Promise<Standing | undefined> {
    return this.#stack.client.withDeadline(Date.now() + 3_000, () => this.#root(fleet).lookOnce());
  }

  /** Fleets that ended before a moment and are open nowhere. */
  endedBefore(atMs: number): AsyncGenerator<FleetRecord> {
    return endedBefore(this.records, atMs);
  }
  /** Removes what the store keeps of an ended fleet; its blobs go with the next collection. */
  async forget(fleet: FleetRecord): Promise<void> {
    await forget(this.#stack.store, fleet);
  }

  /** The status a fleet ended with. */
  async wait(id: string, options: WatchOptions = {}): Promise<FleetStatus> {
    const fleet = await this.find(id);
    for await (const change of this.watch(fleet, options))
      if (change.kind === 'status' && hasEnded(change.status)) return change.status;
    return this.status(id);
  }

  async #open(id: string): Promise<FleetRecord> {
    const fleet = await this.find(id);
    const summary = await this.records.summary(fleet.id);
    if (!summary || summary.generation < fleet.generation) {
      await this.#reach(fleet);
      return fleet;
    }
    const hint = `muster retry ${fleet.id} runs what failed again`;
    throw new FleetFailure('fleet_ended', `the fleet ${fleet.id} has ended (${summary.state})`, hint);
  }
}

async function* nothing(): AsyncGenerator<never> {}
