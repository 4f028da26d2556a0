import { setTimeout as delay } from 'node:timers/promises';
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ServiceError,
  type Client,
  type ScheduleDescription,
  type ScheduleHandle,
  type ScheduleSummary,
} from '@temporalio/client';
import { RecordConflict, type ArtifactStore } from '../../activities/artifacts/store.ts';
import {
  FLEET_QUEUE,
  SCHEDULED_FLEET_MEMO,
  SCHEDULED_FLEET_WORKFLOW,
  recordKeys,
  scheduleId,
  scheduleNameOf,
} from '../../workflows/contract/ids.ts';
import type { ScheduledFleetInput } from '../../workflows/contract/messages.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import { CommandFailure } from '../cli/context.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { nearestName } from '../fleet-client/labels.ts';
import { hasSearchAttributes } from '../fleet-client/search-attributes.ts';
import { asPolicy, type Overlap } from './overlap.ts';
import { cronFailure } from './times.ts';

/** When it fires, and what then. */
export interface ScheduleTimes {
  cron: string;
  timezone: string;
  overlap: Overlap;
  jitterMs: number;
  /** How late a start may be that was missed while no server ran. */
  catchupMs: number;
}

export interface ScheduleRequest extends ScheduleTimes {
  name: string;
  isPaused: boolean;
  /** A `FleetDraft` in the store. */
  draft: ArtifactRef;
  /** What people are told of it later. */
  fleetName: string;
  source: string;
}

/** What the memo of a schedule says: the server gives a cron back only as calendars. */
type Told = ScheduleTimes & Pick<ScheduleRequest, 'fleetName' | 'source'>;

export interface ScheduleView extends Told {
  name: string;
  isPaused: boolean;
  note: string;
  /** The next few; none: it never fires. */
  next: readonly Date[];
  last?: Date;
}

/** One start of a fleet by a schedule. `fleetId` is absent until the fleet has begun. */
export interface Firing {
  workflowId: string;
  scheduledAt: Date;
  startedAt: Date;
  status: string;
  fleetId?: string;
}

/** The memo entry that is ours. */
const MEMO = 'Schedule';
const PATIENCE_MS = 30_000;
/** A firing that is asked for has begun its fleet by then, where a worker is alive. */
const BEGIN_MS = 20_000;

/**
 * Fleets that start by the clock, as Temporal Schedules: each firing runs `scheduledFleetWorkflow`. Every method may throw
 * `CommandFailure`: 2 for what was asked, 1 where the server does not answer.
 */
export class Schedules {
  readonly #client: Client;
  readonly #store: ArtifactStore;

  constructor({ client, store }: { client: Client; store: ArtifactStore }) {
    this.#client = client;
    this.#store = store;
  }

  /** Throws 2 where one of this name is there, and `cronFailure`. */
  async create(request: ScheduleRequest): Promise<ScheduleView> {
    const { name, cron, timezone, overlap, jitterMs, catchupMs, isPaused, draft, fleetName, source } = request;
    const told: Told = { cron, timezone, overlap, jitterMs, catchupMs, fleetName, source };
    const isListed = await hasSearchAttributes(this.#client);
    const input: ScheduledFleetInput = { v: 1, schedule: name, draft, ...(isListed && { hasSearchAttributes: true }) };
    await this.#keep(name, draft);
    const handle = await this.#ask(name, () =>
      this.#client.schedule.create({
        scheduleId: scheduleId(name),
        spec: { cronExpressions: [cron], timezone, ...(jitterMs > 0 && { jitter: jitterMs }) },
        action: {
          type: 'startWorkflow',
          workflowType: SCHEDULED_FLEET_WORKFLOW,
          workflowId: scheduleId(name),
          taskQueue: FLEET_QUEUE,
          args: [input],
        },
        policies: { overlap: asPolicy(overlap), catchupWindow: catchupMs },
        memo: { [MEMO]: told },
        state: { paused: isPaused },
      }),
    ).catch((error: unknown) => {
      // What the server finds wrong with a request the client throws as a TypeError.
      if (error instanceof TypeError) throw cronFailure(cron, error.message);
      throw error;
    });
    return viewOf(await this.#ask(name, () => handle.describe()))!;
  }

  /** Until `delete` nothing of the draft is collected. */
  async #keep(name: string, draft: ArtifactRef): Promise<void> {
    await this.#store.writeRecord(recordKeys.scheduleDraft(name, draft), { v: 1, draft }, 0).catch((error: unknown) => {
      if (!(error instanceof RecordConflict)) throw error; // kept before
    });
  }

  /** Throws 2 where one of this name is there: before anything is taken for it. */
  async mayCreate(name: string): Promise<void> {
    const found = await this.find(name).catch((error: unknown) => {
      if (error instanceof CommandFailure && error.code === UNKNOWN) return undefined;
      throw error;
    });
    if (found) throw isThere(name);
  }

  async find(name: string): Promise<ScheduleView> {
    const view = viewOf(await this.#ask(name, () => this.#handle(name).describe()));
    if (view) return view;
    throw await this.#unknown(name);
  }

  /** By name. One that was created a moment ago may yet be missing. */
  async list(): Promise<ScheduleView[]> {
    const summaries = await this.#ask(undefined, () => Array.fromAsync(this.#client.schedule.list()));
    const views = summaries.flatMap((summary) => viewOf(summary) ?? []);
    return views.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** `note`: why. The server takes an empty one for no request at all, here and in `resume`. */
  async pause(name: string, note = 'paused by hand'): Promise<void> {
    await this.#ask(name, () => this.#handle(name).pause(note));
  }
  async resume(name: string): Promise<void> {
    await this.#ask(name, () => this.#handle(name).unpause('resumed by hand'));
  }

  /**
   * Fires now and resolves with the firing, its fleet begun; undefined: it is put off behind the one under way, or no worker
   * has taken it up. Throws 2 where the policy would skip it.
   */
  async trigger(name: string, overlap?: Overlap): Promise<Firing | undefined> {
    const handle = this.#handle(name);
    const before = await this.#ask(name, () => handle.describe());
    const told = viewOf(before);
    if (!told) throw await this.#unknown(name);
    const underWay = await this.#underWay(before);
    // Said always: the client's own default is allow_all.
    const policy = overlap ?? told.overlap;
    if (underWay && policy === 'skip') {
      const which = underWay.fleetId === undefined ? 'a fleet' : `fleet ${underWay.fleetId}`;
      const hint = '--overlap allow_all starts another beside it, cancel_other in its place, buffer_one after it';
      throw new CommandFailure(EXIT.usage, `${which} of ${name} is under way, and its policy is skip`, hint, 'overlap');
    }
    const known = new Set(workflowsOf(before));
    await pastSecondOf(before);
    await this.#ask(name, () => handle.trigger(asPolicy(policy)));
    if (underWay && policy.startsWith('buffer')) return undefined;
    for (const deadline = Date.now() + BEGIN_MS; Date.now() < deadline; await delay(250)) {
      const now = await this.#ask(name, () => handle.describe());
      const fresh = workflowsOf(now).find((id) => !known.has(id));
      const firing = fresh === undefined ? undefined : await this.#firing(fresh);
      if (firing?.fleetId !== undefined || firing?.status === 'FAILED') return firing;
    }
    return undefined;
  }

  /** Fires for all times between the two that its cron names, oldest first. */
  async backfill(name: string, range: { start: Date; end: Date; overlap: Overlap }): Promise<void> {
    const { start, end, overlap } = range;
    await this.find(name);
    await this.#ask(name, () => this.#handle(name).backfill({ start, end, overlap: asPolicy(overlap) }));
  }

  /** Fleets it has started go on. */
  async delete(name: string): Promise<void> {
    await this.find(name);
    await this.#ask(name, () => this.#handle(name).delete());
    await this.#store.deleteRecords(recordKeys.schedule(name));
  }

  /** Newest first, for as long as the server keeps ended workflows; of one that is deleted too. */
  async history(name: string, most: number): Promise<Firing[]> {
    const query = `WorkflowType='${SCHEDULED_FLEET_WORKFLOW}' AND TemporalScheduledById='${scheduleId(name)}'`;
    const firings = await this.#ask(name, async () => {
      const found: Firing[] = [];
      for await (const one of this.#client.workflow.list({ query, pageSize: most })) {
        found.push(firingOf(one));
        if (found.length >= most) break;
      }
      return found;
    });
    if (firings.length === 0) await this.find(name);
    return firings.sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime());
  }

  /** The server learns a moment late that one has ended. */
  async #underWay({ info }: ScheduleDescription): Promise<Firing | undefined> {
    const firings = await Promise.all(info.runningActions.map(({ workflow }) => this.#firing(workflow.workflowId)));
    return firings.find(({ status }) => status === 'RUNNING');
  }

  async #firing(workflowId: string): Promise<Firing> {
    return firingOf(await this.#ask(undefined, () => this.#client.workflow.getHandle(workflowId).describe()));
  }

  #handle(name: string): ScheduleHandle {
    return this.#client.schedule.getHandle(scheduleId(name));
  }

  async #ask<T>(name: string | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#client.withDeadline(Date.now() + PATIENCE_MS, work);
    } catch (error) {
      if (error instanceof ScheduleNotFoundError && name !== undefined) throw await this.#unknown(name);
      if (error instanceof ScheduleAlreadyRunning && name !== undefined) throw isThere(name);
      if (!(error instanceof ServiceError)) throw error;
      const why = error.cause instanceof Error ? error.cause.message : error.message;
      throw new CommandFailure(EXIT.internal, `the Temporal service did not do it: ${why}`, 'muster doctor');
    }
  }

  async #unknown(name: string): Promise<CommandFailure> {
    const known = (await this.list()).map((schedule) => schedule.name);
    const near = nearestName(name, known);
    const hint = `muster schedule list${near === undefined ? '' : `; did you mean ${near}?`}`;
    return new CommandFailure(EXIT.usage, `there is no schedule ${JSON.stringify(name)}`, hint, UNKNOWN);
  }
}

const UNKNOWN = 'unknown_schedule';

const isThere = (name: string): CommandFailure =>
  new CommandFailure(
    EXIT.usage,
    `there is a schedule ${name} already`,
    `give --name another, or muster schedule delete ${name}`,
    'schedule_exists',
  );

/** undefined: it is not muster's. */
function viewOf(found: ScheduleSummary | ScheduleDescription): ScheduleView | undefined {
  const name = scheduleNameOf(found.scheduleId);
  const told = found.memo?.[MEMO] as Told | undefined;
  if (name === undefined || told === undefined) return undefined;
  const { state, info } = found;
  const last = info.recentActions.at(-1)?.takenAt;
  const { paused: isPaused, note = '' } = state;
  return { ...told, name, isPaused, note, next: info.nextActionTimes, ...(last && { last }) };
}

/** Firings are named after their second: of two in the same one the server would drop the later. */
async function pastSecondOf({ info }: ScheduleDescription): Promise<void> {
  const newest = info.recentActions.at(-1)?.takenAt.getTime() ?? 0;
  const left = Math.floor(newest / 1_000) * 1_000 + 1_000 - Date.now();
  if (left > 0) await delay(Math.min(left, 1_000));
}

const workflowsOf = ({ info }: ScheduleDescription): string[] =>
  [...info.recentActions.map(({ action }) => action), ...info.runningActions].map(
    ({ workflow }) => workflow.workflowId,
  );

function firingOf(found: {
  workflowId: string;
  status: { name: string };
  startTime: Date;
  memo?: Record<string, unknown>;
  searchAttributes: Record<string, unknown>;
}): Firing {
  const { workflowId, status, startTime: startedAt, memo, searchAttributes } = found;
  const [scheduledAt] = (searchAttributes['TemporalScheduledStartTime'] ?? []) as Date[];
  const fleetId = memo?.[SCHEDULED_FLEET_MEMO];
  return {
    ...{ workflowId, startedAt, scheduledAt: scheduledAt ?? startedAt, status: status.name },
    ...(typeof fleetId === 'string' && { fleetId }),
  };
}
