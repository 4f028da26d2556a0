import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  proxyActivities,
  setHandler,
  workflowInfo,
  ActivityFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { FleetActivities, SubagentActivities } from './contract/activities.ts';
import { FAILURES } from './contract/failures.ts';
import { activityId } from './contract/ids.ts';
import { HEARTBEAT_TIMEOUT_MS } from './contract/limits.ts';
import { stateSignal, windowSignal, type BatchInput, type BatchState } from './contract/messages.ts';
import type { SettleRequest, UnitOutcome } from './contract/units.ts';
import { BatchLedger } from './dispatcher/batch-ledger.ts';

/**
 * Runs 200 to 1,000 subagents of a fleet, a window of them at a time. Short and never waiting: it ends as soon as
 * nothing is in flight and its window lets it start nothing. A subagent never fails its batch. Its last state is its
 * return value, since a signal sent with the completion is lost.
 */
export async function batchWorkflow(input: BatchInput): Promise<BatchState> {
  const ledger = new BatchLedger(input);
  const scopes = new Map<number, CancellationScope>();
  const root = getExternalWorkflowHandle(workflowInfo().parent!.workflowId);
  let changes = 0;
  let isSpeaking = false;

  setHandler(windowSignal, (window) => {
    ledger.obey(window);
    changes++;
  });

  const { runSubagent } = proxyActivities<SubagentActivities>({
    taskQueue: input.agentsQueue,
    startToCloseTimeout: input.maxTimeoutMs + 300_000, // the activity enforces the timeout itself; this lies behind it
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    retry: { initialInterval: 1_000, backoffCoefficient: 1 },
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    allowEagerDispatch: false,
  });
  const { settleSubagents } = proxyActivities<FleetActivities>({
    startToCloseTimeout: 60_000,
    retry: { initialInterval: 1_000, maximumInterval: 10_000 },
  });

  async function run(offset: number): Promise<void> {
    const [index, generation, sliceMicroUsd] = input.units[offset]!;
    const { fleetId, epoch, manifest } = input;
    const scope = new CancellationScope();
    scopes.set(offset, scope);
    let outcome: UnitOutcome;
    try {
      outcome = await scope.run(() =>
        runSubagent.executeWithOptions({ activityId: activityId(index, epoch) }, [
          { v: 1, fleetId, index, generation, epoch, manifest, sliceMicroUsd },
        ]),
      );
    } catch (error) {
      const request: SettleRequest = { fleetId, manifest, units: [{ index, generation, epoch }], end: ending(error) };
      outcome = await CancellationScope.nonCancellable(async () => (await settleSubagents(request))[0]!);
    }
    scopes.delete(offset);
    ledger.came(offset, outcome);
    changes++;
  }

  async function speak(): Promise<void> {
    isSpeaking = true;
    // The root is gone or between two runs only when this batch is being closed as well; then nobody needs the news.
    await root.signal(stateSignal, ledger.speak()).catch(() => undefined);
    isSpeaking = false;
    changes++;
  }

  for (;;) {
    const seen = changes;
    for (let offset = ledger.startNext(); offset !== undefined; offset = ledger.startNext()) void run(offset);
    for (const offset of ledger.recall()) scopes.get(offset)?.cancel();
    if (ledger.isDone && !isSpeaking) return ledger.speak();
    if (!ledger.isDone && ledger.hasNews && !isSpeaking) void speak();
    await condition(() => changes !== seen);
  }
}

/** The end of a subagent whose activity failed: Temporal's own timeout, a named failure, or a lost dispatch. */
function ending(error: unknown): SettleRequest['end'] {
  if (isCancellation(error)) return null;
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (cause instanceof TimeoutFailure)
    return { status: 'timed_out', type: FAILURES.timedOut, message: 'no answer within its timeout' };
  const type = cause && 'type' in cause && typeof cause.type === 'string' ? cause.type : FAILURES.internal;
  return { status: 'failed', type, message: cause?.message ?? String(error) };
}
