import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ApplicationFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type WorkflowHandle,
} from '@temporalio/client';
import { FAILURES } from '../../workflows/contract/failures.ts';
import { fleetWorkflowId } from '../../workflows/contract/ids.ts';
import { standingQuery, type FleetStatus } from '../../workflows/contract/messages.ts';
import type { Stack } from '../local/stack.ts';
import { FleetFailure, changed } from './failure.ts';
import { isPassing, persist, unreachable, whileMending } from './server-talk.ts';
import { brokenStanding, type Standing } from './standing.ts';

/** How the server knows a root. `ended`: it returned; `broken`: somebody ended it from outside. */
export type RootLife = 'open' | 'ended' | { broken: 'failed' | 'cancelled'; atMs: number } | 'absent';

const UPDATE_GIVE_UP_MS = 120_000;

/** The root workflow of one fleet, through server and worker deaths. */
export class FleetRoot {
  readonly #stack: Stack;
  readonly #fleetId: string;

  constructor(stack: Stack, fleetId: string) {
    this.#stack = stack;
    this.#fleetId = fleetId;
  }

  /** Asked anew each time: a mended stack may have another client. */
  get #handle(): WorkflowHandle {
    return this.#stack.client.workflow.getHandle(fleetWorkflowId(this.#fleetId));
  }

  life(signal?: AbortSignal): Promise<RootLife> {
    return persist(this.#stack, () => this.#life(), signal);
  }

  async #life(): Promise<RootLife> {
    try {
      const { status, closeTime } = await this.#handle.describe();
      const atMs = closeTime?.getTime() ?? Date.now();
      if (status.name === 'FAILED' || status.name === 'TIMED_OUT') return { broken: 'failed', atMs };
      if (status.name === 'CANCELLED' || status.name === 'TERMINATED') return { broken: 'cancelled', atMs };
      return status.name === 'COMPLETED' ? 'ended' : 'open';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'absent';
      throw error;
    }
  }

  /** Undefined: the server knows no such root. Retries for a minute while nobody answers. */
  look(signal?: AbortSignal): Promise<Standing | undefined> {
    return persist(this.#stack, () => this.lookOnce(), signal);
  }

  /** As `look`, but only once: rejects at the server's word that nobody answers (`isPassing`). */
  async lookOnce(): Promise<Standing | undefined> {
    try {
      const handle = this.#handle;
      const [standing, life] = await Promise.all([handle.query(standingQuery), this.#life()]);
      return typeof life === 'object' ? brokenStanding(standing, life.broken, life.atMs) : standing;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  /** Resolves when the root has ended, however; never rejects: while nobody can tell, and once it is aborted, it waits. */
  async ended(signal: AbortSignal): Promise<void> {
    try {
      await this.#stack.client.withAbortSignal(signal, () => this.#handle.result());
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) await new Promise(() => undefined);
    }
  }

  /**
   * Sends an update and resolves once the root acknowledged it, which for `cancel` and `stop` is when nothing of theirs
   * runs any more. Repeated under one update id, so that it takes effect once. Rejects with `fleet_ended` when the root
   * had ended, and with `unreachable` after two minutes of a silent server.
   */
  async update(send: (handle: WorkflowHandle, updateId: string) => Promise<FleetStatus>): Promise<FleetStatus> {
    const updateId = randomUUID();
    return whileMending(
      this.#stack,
      this.#insist(() => send(this.#handle, updateId)),
    );
  }

  async #insist(send: () => Promise<FleetStatus>): Promise<FleetStatus> {
    let silentSince: number | undefined;
    for (;;) {
      try {
        return await send();
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) {
          const hint = `muster retry ${this.#fleetId} runs what failed again`;
          throw new FleetFailure('fleet_ended', `the fleet ${this.#fleetId} has ended`, hint, error);
        }
        if (error instanceof WorkflowUpdateFailedError) {
          if (typeOf(error) === FAILURES.notAsked) throw changed(this.#fleetId, error);
          throw new FleetFailure('damaged', `the fleet ${this.#fleetId} refused: ${causeOf(error)}`, undefined, error);
        }
        if (!isPassing(error) && !(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
        silentSince ??= Date.now();
        if (Date.now() - silentSince > UPDATE_GIVE_UP_MS) throw unreachable(error);
      }
      await delay(500);
    }
  }
}

const causeOf = (error: Error): string => (error.cause instanceof Error ? error.cause.message : error.message);
const typeOf = ({ cause }: Error): string | undefined =>
  (cause instanceof ApplicationFailure && cause.type) || undefined;
