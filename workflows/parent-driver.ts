import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  proxyActivities,
} from '@temporalio/workflow';
import type { FleetActivities, ScriptActivities } from './contract/activities.ts';
import { FAILURES } from './contract/failures.ts';
import { SCRIPTS_QUEUE } from './contract/ids.ts';
import type { AdmitRequest, GateRequest, ScriptRef } from './contract/units.ts';
import type { Dispatcher, Orders } from './dispatcher/dispatcher.ts';

/**
 * Does for a root what its parents need: admits what they ask for, exchanges with its script, has gates judged. What can
 * never succeed ends whoever asked, never the root.
 */
export class ParentDriver {
  private readonly root: Dispatcher;
  private readonly changed: () => void;
  /** Of the exchange under way. */
  private exchanging: CancellationScope | undefined;
  private readonly fleet = proxyActivities<FleetActivities>({
    startToCloseTimeout: 60_000,
    retry: { initialInterval: 1_000, maximumInterval: 10_000 },
  });
  private readonly scripts = proxyActivities<ScriptActivities>({
    taskQueue: SCRIPTS_QUEUE,
    startToCloseTimeout: 120_000,
    heartbeatTimeout: 15_000,
    retry: { initialInterval: 1_000, backoffCoefficient: 1 },
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  });

  constructor(root: Dispatcher, changed: () => void) {
    this.root = root;
    this.changed = changed;
  }

  obey({ admit, exchange, judge }: Orders): void {
    if (admit) void this.admit(admit);
    if (exchange) void this.exchange(exchange);
    if (judge) void this.judge(judge);
    if (this.root.isEndingEarly) this.exchanging?.cancel();
  }

  private async admit(request: AdmitRequest): Promise<void> {
    try {
      this.root.admitted(await this.fleet.admitSpawn(request));
    } catch (error) {
      this.root.notAdmitted(failureOf(error));
    }
    this.changed();
  }

  private async exchange(ref: ScriptRef): Promise<void> {
    const scope = (this.exchanging = new CancellationScope());
    try {
      this.root.exchanged(await scope.run(() => this.scripts.runScript(ref)));
    } catch (error) {
      if (isCancellation(error)) this.root.notExchanged();
      else this.root.exchanged({ kind: 'ended', outcome: { error: failureOf(error) } });
    }
    this.exchanging = undefined;
    this.changed();
  }

  /** A gate that cannot be judged does not open by itself: a person decides. */
  private async judge(request: GateRequest): Promise<void> {
    const { wave, waves, generations } = request;
    try {
      this.root.judged(await this.fleet.judgeGate(request));
    } catch (error) {
      const { message } = failureOf(error);
      const title = `wave ${(wave + 1).toString()} of ${waves.toString()}`;
      const hash = `unjudged-${wave.toString()}-${generations.length.toString()}`;
      this.root.judged({ isOpen: false, why: [`its gate could not be judged: ${message}`], title, hash });
    }
    this.changed();
  }
}

function failureOf(error: unknown): { type: string; message: string } {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const type = cause instanceof ApplicationFailure ? cause.type : undefined;
  return { type: type ?? FAILURES.internal, message: cause instanceof Error ? cause.message : String(cause) };
}
