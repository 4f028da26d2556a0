import { ApplicationFailure, type WorkflowHandle } from '@temporalio/client';
import { encodeGraph } from '../../workflows/contract/graph.ts';
import { batchWorkflowId } from '../../workflows/contract/ids.ts';
import * as messages from '../../workflows/contract/messages.ts';
import type { FleetInput } from '../../workflows/contract/messages.ts';
import type { ScriptOutcome, ScriptRef, UnitOutcome, UnitRef } from '../../workflows/contract/units.ts';
import type { Harness } from '../support/fleet-harness.ts';
import { until, wish, type HeldAgents, type Wish } from '../support/held-agents.ts';

/** One run whose history is kept: what a root starts with, how its subagents end, what happens meanwhile. */
export interface Case {
  name: string;
  input: Partial<FleetInput>;
  graph?: number[][];
  waves?: string;
  script?: (exchange: ScriptRef) => ScriptOutcome;
  outcome?: (unit: UnitRef) => UnitOutcome;
  /** Without it nobody is held. */
  steer?: (handle: WorkflowHandle, agents: HeldAgents, harness: Harness) => Promise<void>;
  /** How many of its batches' histories are kept too. */
  batches?: number;
}

const limits = (more: Partial<FleetInput['limits']> = {}): FleetInput['limits'] => ({
  ...{ concurrency: 5, budgetMicroUsd: null, sliceMicroUsd: 1, failIf: null },
  ...more,
});
const ended = (status: Extract<UnitOutcome, { kind: 'ended' }>['status'], spentMicroUsd = 10): UnitOutcome => {
  return { kind: 'ended', status, spentMicroUsd };
};
const status = (handle: WorkflowHandle) => handle.query(messages.statusQuery);
const asksFor = (wanted: Wish, seq: number): UnitOutcome => {
  return { kind: 'parked', reason: { for: 'spawn', request: wish(wanted), seq }, spentMicroUsd: 1 };
};
const approve = async (handle: WorkflowHandle, isApproved = true): Promise<void> => {
  await until(async () => (await status(handle)).reason === 'approval');
  const { hash } = (await status(handle)).approvals![0]!;
  await handle.executeUpdate(isApproved ? messages.approveUpdate : messages.rejectUpdate, { args: [{ hash }] });
};

/** Refuses once, for the reason given, on the third dispatch. */
function refusal(reason: () => Extract<UnitOutcome, { kind: 'parked' }>['reason']): (unit: UnitRef) => UnitOutcome {
  let calls = 0;
  return () => (++calls === 3 ? { kind: 'parked', reason: reason(), spentMicroUsd: 1 } : ended('completed'));
}

export const CASES: readonly Case[] = [
  {
    name: 'graph',
    input: { count: 8, hasGraph: true },
    graph: [[], [0], [0], [1, 2], [], [4], [5, 3], []],
    outcome: ({ index }) => ended(index === 4 ? 'failed' : 'completed'),
    batches: 1,
  },
  {
    name: 'budget-raised',
    input: { count: 30, limits: limits({ budgetMicroUsd: 150, sliceMicroUsd: 15 }) },
    steer: async (handle, agents) => {
      agents.release();
      await until(async () => (await status(handle)).reason === 'budget_reached');
      await handle.executeUpdate(messages.setUpdate, { args: [{ budgetMicroUsd: 1_000 }] });
    },
    batches: 1,
  },
  {
    name: 'steered',
    input: { count: 20, limits: limits({ concurrency: 4 }) },
    outcome: ({ index, generation }) => ended(index === 1 && generation === 1 ? 'failed' : 'completed'),
    steer: async (handle, agents) => {
      await until(() => agents.inFlight === 4);
      await handle.executeUpdate(messages.stopUpdate, { args: [{ indexes: [0, 15] }] });
      await handle.executeUpdate(messages.skipUpdate, { args: [{ indexes: [2, 19] }] });
      agents.release(1);
      await until(async () => (await handle.query(messages.progressQuery)).units[1] === 'F');
      await handle.executeUpdate(messages.retryUpdate, { args: [{ indexes: 'failed' }] });
      await handle.executeUpdate(messages.setUpdate, { args: [{ concurrency: 2 }] });
      await until(() => agents.inFlight === 2);
      await handle.executeUpdate(messages.setUpdate, { args: [{ concurrency: 6, budgetMicroUsd: 5_000 }] });
      await until(() => agents.inFlight === 6);
      await handle.executeUpdate(messages.pauseUpdate);
      await until(async () => (await status(handle)).parked > 5);
      agents.release();
      await handle.executeUpdate(messages.resumeUpdate);
    },
    batches: 2,
  },
  {
    name: 'cancelled',
    input: { count: 12 },
    steer: async (handle, agents) => {
      await until(() => agents.inFlight === 5);
      agents.release(3);
      await until(async () => (await status(handle)).census.completed === 1);
      await handle.executeUpdate(messages.cancelUpdate);
    },
    batches: 1,
  },
  {
    name: 'dead-batch',
    input: { count: 12 },
    steer: async (_, agents, { client }) => {
      await until(() => agents.inFlight === 5);
      const { fleetId } = agents.calls[0]!;
      await client.workflow.getHandle(batchWorkflowId(fleetId, 1, 1)).terminate('recorded');
      await until(() => agents.calls.length === 10);
      agents.release();
    },
  },
  {
    name: 'fail-if',
    input: { count: 60, limits: limits({ failIf: { rate: 0.3 } }) },
    outcome: ({ index }) => ended(index % 2 === 0 ? 'failed' : 'completed'),
    batches: 1,
  },
  {
    name: 'found-by-state',
    input: { count: 6, team: 'recorders', priority: 2, hasSearchAttributes: true },
    steer: async (handle, agents) => {
      await until(() => agents.inFlight === 5);
      await handle.executeUpdate(messages.pauseUpdate);
      agents.release();
      await handle.executeUpdate(messages.resumeUpdate);
    },
  },
  { name: 'several-batches', input: { count: 450, limits: limits({ concurrency: 30 }) } },
  {
    name: 'rate-limit',
    input: { count: 10 },
    outcome: refusal(() => ({ for: 'limit', pause: 'rate_limit', resetAtMs: Date.now() + 1_500 })),
    batches: 1,
  },
  {
    name: 'disk-full',
    input: { count: 10 },
    outcome: refusal(() => ({ for: 'limit', pause: 'disk_full' })),
  },
  {
    name: 'broken-activities',
    input: { count: 6 },
    outcome: ({ index }) => {
      if (index === 2) throw ApplicationFailure.nonRetryable('recorded', 'Workspace.Unavailable');
      return ended('completed');
    },
    batches: 1,
  },
  {
    name: 'carried-over',
    input: {
      count: 10,
      hasGraph: true,
      limits: limits({ budgetMicroUsd: 2_000, sliceMicroUsd: 20 }),
      generation: 2,
      carry: {
        units: 'CFpqqKqqqN',
        generations: [[1, 2]],
        parked: [[2, { for: 'budget', needMicroUsd: 40 }]],
        spentMicroUsd: 70,
        batches: 3,
        state: 'paused',
        reason: 'rate_limit',
        resetAtMs: 1_000,
      },
    },
    graph: [[], [], [], [0], [3], [1], [], [], [], []],
    batches: 1,
  },
  {
    name: 'spawning',
    input: { count: 3, limits: limits({ budgetMicroUsd: 2_000, sliceMicroUsd: 20, maxTotalAgents: 9 }) },
    // One asks twice, one is refused, a child has children; a prerequisite fails, and some are not awaited.
    outcome: (() => {
      const asked = new Map<number, number>();
      const wishes: Record<number, Wish[]> = {
        0: [
          { count: 4, need: 3, edges: [[], [0], [], []] },
          { count: 0, earlier: { need: 4, of: [[3, 4]] } },
        ],
        1: [{ count: 100 }],
        5: [{ count: 2, need: 0 }],
      };
      return ({ index }: UnitRef) => {
        const seq = (asked.get(index) ?? 0) + 1;
        const wanted = wishes[index]?.[seq - 1];
        asked.set(index, seq);
        return wanted ? asksFor(wanted, seq) : ended(index === 3 ? 'failed' : 'completed');
      };
    })(),
    batches: 1,
  },
  {
    name: 'script',
    input: { count: 0, hasScript: true },
    script: ({ exchange, decided }) => {
      if (exchange === 1) return { kind: 'waits', request: wish({ count: 6 }), asks: [] };
      if (exchange === 2)
        return { kind: 'waits', request: wish({ count: 2_000 }), asks: [{ title: 'on?', hash: 'h' }] };
      if (decided.length === 0) return { kind: 'waits', request: null, asks: [] };
      return { kind: 'ended', outcome: { error: { type: 'Script.Threw', message: 'recorded' } } };
    },
    steer: async (handle, agents) => {
      agents.release();
      await approve(handle);
    },
  },
  {
    name: 'waves',
    input: { count: 6, rollout: { waves: 3, gate: { approval: true }, stopOnFailureRate: 0.9 } },
    waves: '112223',
    outcome: ({ index, generation }) => ended(index === 1 && generation === 1 ? 'failed' : 'completed'),
    steer: async (handle, agents) => {
      agents.release();
      await until(async () => (await status(handle)).reason === 'approval');
      await handle.executeUpdate(messages.retryUpdate, { args: [{ indexes: 'failed' }] });
      await approve(handle);
      await until(async () => (await status(handle)).wave!.open === 2);
      await approve(handle, false);
    },
  },
  {
    name: 'tree-carried-over',
    input: {
      count: 3,
      hasScript: true,
      limits: limits({ budgetMicroUsd: 2_000, sliceMicroUsd: 20 }),
      generation: 2,
      carry: {
        units: 'ppCCqqCp',
        generations: [[1, 2]],
        parked: [
          [1, { for: 'spawn', request: wish({ count: 1 }), seq: 2 }],
          [0, { for: 'spawn', request: wish({ count: 3 }), seq: 1 }],
          [7, { for: 'drain' }],
        ],
        spentMicroUsd: 70,
        batches: 3,
        state: 'running',
        parents: {
          spawned: [
            [3, 0, 1, encodeGraph([[], [3], [4]])],
            [2, 'script', 1, null],
          ],
          maxTimeoutMs: 60_000,
          script: { generation: 1, exchange: 2, request: null, untold: [[6, 2]], news: [6], asks: [], decided: [] },
        },
        answered: [[0, 1, [{ need: 2, of: [[3, 3]] }]]],
      },
    },
    script: () => ({ kind: 'ended', outcome: { value: null } }),
  },
];
