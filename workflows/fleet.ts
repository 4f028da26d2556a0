import {
  allHandlersFinished,
  condition,
  continueAsNew,
  proxyActivities,
  setHandler,
  sleep,
  startChild,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { FleetActivities } from './contract/activities.ts';
import { decodeGraph } from './contract/graph.ts';
import { BATCH_WORKFLOW, FLEET_STATE_MEMO, batchWorkflowId } from './contract/ids.ts';
import { HEARTBEAT_THROTTLE_MS } from './contract/limits.ts';
import * as messages from './contract/messages.ts';
import type { BatchInput, FleetInput, FleetProgress, FleetStatus, Window } from './contract/messages.ts';
import { FLEET_STATE } from './contract/search-attributes.ts';
import type { FleetSummary, SettleRequest } from './contract/units.ts';
import type { batchWorkflow } from './batch.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { ParentDriver } from './parent-driver.ts';
import { isLong, isLongForQuiet } from './policy/history.ts';
import { takeUpdates } from './steering.ts';

/**
 * The root of a fleet: start, steer, settle. It decides through its dispatcher and does nothing itself; a subagent or a
 * batch that fails never fails it. Continues as new only while no batch is open.
 */
export async function fleetWorkflow(input: FleetInput): Promise<FleetSummary> {
  const activities = proxyActivities<FleetActivities>({
    startToCloseTimeout: 60_000,
    retry: { initialInterval: 1_000, maximumInterval: 10_000 },
  });
  let dispatcher: Dispatcher | undefined;
  let changes = 0;

  setHandler(messages.stateSignal, (state) => {
    dispatcher?.heard(state);
    changes++;
  });
  setHandler(messages.statusQuery, () => status());
  setHandler(messages.progressQuery, () => progress());
  setHandler(messages.standingQuery, () => ({ status: status(), progress: progress() }));

  takeUpdates({ dispatcher: () => dispatcher, status, changed });

  const graph = input.hasGraph ? decodeGraph(await activities.loadGraph(input), input.count) : null;
  const waves = input.rollout ? await activities.loadWaves(input) : '';
  const root = (dispatcher = new Dispatcher(input, graph, waves));
  const parents = new ParentDriver(root, changed);
  changes++;

  function changed(): void {
    changes++;
  }

  function progress(): FleetProgress {
    return { units: dispatcher?.units.text ?? '', generations: dispatcher?.units.raisedGenerations ?? [] };
  }

  function status(): FleetStatus {
    return (dispatcher ?? new Dispatcher(input, null)).status();
  }

  const started = new Map<number, Promise<ChildWorkflowHandle<typeof batchWorkflow>>>();
  async function runBatch(batch: BatchInput): Promise<void> {
    const child = startChild<typeof batchWorkflow>(BATCH_WORKFLOW, {
      workflowId: batchWorkflowId(input.fleetId, input.generation, batch.batch),
      args: [batch],
    });
    started.set(batch.batch, child);
    try {
      root.closed(await (await child).result());
    } catch {
      // A dead batch: its activities learn of it with their next heartbeat, then the store tells what they left.
      await sleep(HEARTBEAT_THROTTLE_MS + 1_000);
      const request = root.unsettledOf(batch.batch);
      if (request) root.lost(batch.batch, request, await activities.settleSubagents(request));
    }
    started.delete(batch.batch);
    changes++;
  }

  async function sendWindow(batch: number, window: Window): Promise<void> {
    try {
      const child = await started.get(batch); // one that has yet to start would never hear of it
      await child?.signal(messages.windowSignal, window);
    } catch {
      // It has just ended: its last state says all.
    }
  }

  async function settle(request: SettleRequest): Promise<void> {
    root.settled(request, await activities.settleSubagents(request));
    changes++;
  }

  let wakingFor = '';
  /** A pause that ends by itself: at the provider's reset, or when the disk takes writes again. */
  async function wake(): Promise<void> {
    const { state, reason, resetAtMs } = root.state;
    const key = state === 'paused' ? `${reason}:${resetAtMs}` : '';
    if (key === wakingFor) return;
    wakingFor = key;
    if (state !== 'paused' || (resetAtMs === undefined && reason !== 'disk_full')) return;
    if (resetAtMs !== undefined) await sleep(Math.max(1_000, resetAtMs - Date.now()));
    else await activities.probeStore(input);
    if (wakingFor === key) root.resume();
    changes++;
  }

  let shown = '';
  function show(): void {
    const { state, reason } = root.state;
    const text = reason ? `${state}:${reason}` : state;
    if (text === shown) return;
    shown = text;
    upsertMemo({ [FLEET_STATE_MEMO]: text });
    list(text);
  }

  function list(state: string): void {
    if (input.hasSearchAttributes) upsertSearchAttributes([{ key: FLEET_STATE, value: state }]);
  }

  const isHandedOver = (): boolean => root.isHandedOver && allHandlersFinished();
  for (;;) {
    const seen = changes;
    if (isLong(workflowInfo()) || (root.isBetween && isLongForQuiet(workflowInfo()))) root.handOver();
    const orders = root.orders();
    for (const batch of orders.open) void runBatch(batch);
    for (const { batch, window } of orders.windows) void sendWindow(batch, window);
    for (const request of orders.settle) void settle(request);
    parents.obey(orders);
    show();
    if (root.isFinished) break;
    if (isHandedOver()) await continueAsNew<typeof fleetWorkflow>(root.next());
    void wake();
    await condition(() => changes !== seen || isHandedOver());
  }

  const { fleetId, generation } = input;
  const state = root.finish();
  list(state);
  const { spentMicroUsd, outcome } = root.status();
  const summary: FleetSummary = {
    v: 1,
    ...{ fleetId, generation, state, spentMicroUsd },
    units: root.units.text,
    generations: root.units.raisedGenerations,
    endedAtMs: Date.now(),
    ...(outcome && { outcome }),
    ...(root.parents && { parents: root.parents }),
  };
  await activities.closeFleet(summary);
  await condition(allHandlersFinished);
  return summary;
}
