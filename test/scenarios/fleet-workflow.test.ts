import { Context } from '@temporalio/activity';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeGraph } from '../../workflows/contract/graph.ts';
import * as messages from '../../workflows/contract/messages.ts';
import { FLEET_WORKFLOW } from '../../workflows/contract/ids.ts';
import type {
  GateRequest,
  GateVerdict,
  ScriptOutcome,
  ScriptRef,
  SettleRequest,
  UnitOutcome,
} from '../../workflows/contract/units.ts';
import type { fleetWorkflow } from '../../workflows/fleet.ts';
import { WithStartWorkflowOperation } from '@temporalio/client';
import { Admissions, HeldAgents as Agents, settleSubagents, until, wish } from '../support/held-agents.ts';
import { startHarness, type Harness } from '../support/fleet-harness.ts';
import { TemporalServer } from '../support/temporal-server.ts';

let server: TemporalServer;
let harness: Harness | undefined;
beforeAll(async () => void (server = await TemporalServer.start()));
afterAll(() => server.stop());
afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

describe.each([{ maxCachedWorkflows: 100 }, { maxCachedWorkflows: 0 }])(
  'fleetWorkflow, cache of $maxCachedWorkflows',
  (options) => {
    const open = async (agents: Agents, more = {}) =>
      (harness = await startHarness(
        server.address,
        { runSubagent: agents.runSubagent, settleSubagents, ...more },
        options,
      ));

    it('runs 1,000 subagents through a window and never more at once', async () => {
      const agents = new Agents();
      agents.release();
      const handle = await (
        await open(agents)
      ).start({
        count: 1_000,
        limits: { concurrency: 40, budgetMicroUsd: null, sliceMicroUsd: 1, failIf: null },
      });
      const summary = await handle.result();
      expect(summary.units).toBe('C'.repeat(1_000));
      expect(new Set(agents.calls.map(({ index }) => index)).size).toBe(1_000);
      expect(agents.calls.length).toBe(1_000);
      expect(agents.most).toBeLessThanOrEqual(40);
      expect(summary.spentMicroUsd).toBe(10_000);
    });

    it('starts a dependent only when what it needs has completed, and skips it otherwise', async () => {
      const agents = new Agents();
      agents.release();
      agents.outcome = ({ index }) => ({
        kind: 'ended',
        status: index === 3 ? 'failed' : 'completed',
        spentMicroUsd: 1,
      });
      const loadGraph = async () => encodeGraph([[], [0], [1], [], [3], [4, 0]]);
      const handle = await (await open(agents, { loadGraph })).start({ count: 6, hasGraph: true });
      expect((await handle.result()).units).toBe('CCCFKK');
      expect(agents.calls.map(({ index }) => index).filter((index) => index < 3)).toEqual([0, 1, 2]);
    });

    it('takes a lower concurrency from those in flight and goes on when raised', async () => {
      const agents = new Agents();
      const handle = await (
        await open(agents)
      ).start({
        count: 30,
        limits: { concurrency: 20, budgetMicroUsd: null, sliceMicroUsd: 1, failIf: null },
      });
      await until(() => agents.inFlight === 20);
      await handle.executeUpdate(messages.setUpdate, { args: [{ concurrency: 4 }] });
      await until(() => agents.inFlight === 4);
      await handle.executeUpdate(messages.setUpdate, { args: [{ concurrency: 25 }] });
      await until(() => agents.inFlight === 25);
      agents.release();
      expect((await handle.result()).units).toBe('C'.repeat(30));
    });

    it('pauses: everyone in flight parks; resumed, everyone completes', async () => {
      const agents = new Agents();
      const handle = await (await open(agents)).start({ count: 12 });
      await until(() => agents.inFlight === 5);
      const paused = await handle.executeUpdate(messages.pauseUpdate);
      expect(paused).toMatchObject({ state: 'paused', reason: 'user' });
      await until(() => agents.inFlight === 0);
      await until(async () => (await handle.query(messages.statusQuery)).parked === 5);
      agents.release();
      await handle.executeUpdate(messages.resumeUpdate);
      expect((await handle.result()).units).toBe('C'.repeat(12));
    });

    it('acknowledges a cancel only when nothing runs any more', async () => {
      const agents = new Agents();
      const handle = await (await open(agents)).start({ count: 12 });
      await until(() => agents.inFlight === 5);
      const status = await handle.executeUpdate(messages.cancelUpdate);
      expect(agents.inFlight).toBe(0);
      expect(status.census).toMatchObject({ stopped: 5, not_attempted: 7 });
      expect((await handle.result()).state).toBe('cancelled');
    });

    it('stops one in flight, skips one queued, retries one that failed', async () => {
      const agents = new Agents();
      agents.outcome = ({ index, generation }) => ({
        kind: 'ended',
        status: index === 2 && generation === 1 ? 'failed' : 'completed',
        spentMicroUsd: 1,
      });
      const handle = await (
        await open(agents)
      ).start({ count: 8, limits: { concurrency: 3, budgetMicroUsd: null, sliceMicroUsd: 1, failIf: null } });
      await until(() => agents.inFlight === 3);
      await handle.executeUpdate(messages.stopUpdate, { args: [{ indexes: [0] }] });
      await handle.executeUpdate(messages.skipUpdate, { args: [{ indexes: [7] }] });
      agents.release(2);
      await until(async () => (await handle.query(messages.progressQuery)).units[2] === 'F');
      await handle.executeUpdate(messages.retryUpdate, { args: [{ indexes: [2] }] });
      agents.release();
      const { units, generations } = await handle.result();
      expect(units).toBe('SCCCCCCK');
      expect(generations).toEqual([[2, 2]]);
    });

    it('keeps a pause that comes while its first batch is only about to start', async () => {
      const agents = new Agents();
      await open(agents);
      const startWorkflowOperation = new WithStartWorkflowOperation<typeof fleetWorkflow>(FLEET_WORKFLOW, {
        ...harness!.startOptions({ count: 12 }),
        workflowIdConflictPolicy: 'FAIL',
      });
      const paused = await harness!.client.workflow.executeUpdateWithStart(messages.pauseUpdate, {
        startWorkflowOperation,
      });
      expect(paused).toMatchObject({ state: 'paused', reason: 'user' });
      const handle = await startWorkflowOperation.workflowHandle();
      await until(async () => {
        const { running, queued, parked } = await handle.query(messages.statusQuery);
        return running === 0 && queued + parked === 12;
      });
      expect(agents.inFlight).toBe(0);
      agents.release();
      await handle.executeUpdate(messages.resumeUpdate);
      expect((await handle.result()).units).toBe('C'.repeat(12));
    });

    it('stops at its budget, keeps within it, and goes on when it is raised', async () => {
      const agents = new Agents();
      agents.release();
      const handle = await (
        await open(agents)
      ).start({
        count: 40,
        limits: { concurrency: 5, budgetMicroUsd: 200, sliceMicroUsd: 15, failIf: null },
      });
      await until(async () => (await handle.query(messages.statusQuery)).state === 'paused');
      const status = await handle.query(messages.statusQuery);
      expect(status.reason).toBe('budget_reached');
      expect(status.spentMicroUsd).toBeLessThanOrEqual(200);
      expect(status.spentMicroUsd).toBeGreaterThan(200 - 15);
      await handle.executeUpdate(messages.setUpdate, { args: [{ budgetMicroUsd: 1_000 }] });
      expect((await handle.result()).spentMicroUsd).toBe(400);
    });

    it('waits out a refusal of the provider until its reset, and marks nobody failed', async () => {
      const agents = new Agents();
      agents.release();
      let refusals = 0;
      agents.outcome = () =>
        refusals++ === 2
          ? {
              kind: 'parked',
              reason: { for: 'limit', pause: 'rate_limit', resetAtMs: Date.now() + 1_500 },
              spentMicroUsd: 0,
            }
          : { kind: 'ended', status: 'completed', spentMicroUsd: 1 };
      const handle = await (await open(agents)).start({ count: 20 });
      expect((await handle.result()).units).toBe('C'.repeat(20));
      expect(refusals).toBeGreaterThan(20);
    });

    it('stops early when the failure policy says so', async () => {
      const agents = new Agents();
      agents.release();
      agents.outcome = () => ({ kind: 'ended', status: 'failed', spentMicroUsd: 1 });
      const handle = await (
        await open(agents)
      ).start({
        count: 300,
        limits: { concurrency: 5, budgetMicroUsd: null, sliceMicroUsd: 1, failIf: { rate: 0.3 } },
      });
      const { state, units } = await handle.result();
      expect(state).toBe('failed');
      expect(units).toContain('N');
    });

    it('survives the death of a batch: its subagents run elsewhere, none twice at once', async () => {
      const agents = new Agents();
      const handle = await (await open(agents)).start({ count: 12 });
      await until(() => agents.inFlight === 5);
      const { fleetId } = agents.calls[0]!;
      await harness!.client.workflow.getHandle(`fleet/${fleetId}/batch/1-1`).terminate('test');
      await until(() => agents.calls.length === 10);
      agents.release();
      expect((await handle.result()).units).toBe('C'.repeat(12));
    });

    it('holds a parent until what it spawned has ended, then lets it report first', async () => {
      const agents = new Agents();
      agents.release();
      const admissions = new Admissions();
      const asks = [
        { count: 3, edges: [[], [0], []] },
        { count: 120, need: 2 },
      ].map((one, i) => ({ for: 'spawn' as const, request: wish(one), seq: i + 1 }));
      agents.outcome = ({ index }): UnitOutcome => {
        const reason = index === 0 ? asks.shift() : undefined;
        if (reason) return { kind: 'parked', reason, spentMicroUsd: 1 };
        return { kind: 'ended', status: index === 2 ? 'failed' : 'completed', spentMicroUsd: 1 };
      };
      const settled: SettleRequest[] = [];
      const settle = async (request: SettleRequest) => {
        settled.push(request);
        return settleSubagents(request);
      };
      await open(agents, { ...admissions, settleSubagents: settle });
      const handle = await harness!.start({ count: 2 });
      const { units, parents, spentMicroUsd } = await handle.result();
      expect(units.slice(0, 5)).toBe('CCFKC');
      expect(admissions.asked.map(({ from, room, seq }) => ({ from, room, seq }))).toEqual([
        { from: 2, room: 1_000, seq: 1 },
        { from: 5, room: 997, seq: 2 },
      ]);
      expect(parents!.spawned).toEqual([
        [3, 0, 1, encodeGraph([[], [2], []])],
        [120, 0, 1, null],
      ]);
      const settledAs = (type: string) => settled.filter(({ end }) => end?.type === type).flatMap((one) => one.units);
      expect(settledAs('Dependency.Failed').map(({ index }) => index)).toEqual([3]);
      const orphans = settledAs('Subagent.Orphaned');
      expect(orphans.length).toBeGreaterThan(60);
      expect([...units].filter((letter) => letter === 'S').length).toBe(orphans.length);
      expect(spentMicroUsd).toBeGreaterThan(7);
    });

    it('exchanges with a script: tells it each end once, asks a person, and ends with what it returned', async () => {
      const agents = new Agents();
      agents.release();
      const told: ScriptRef[] = [];
      const waits = (count: number, title?: string): ScriptOutcome => ({
        kind: 'waits',
        request: count > 0 ? wish({ count }) : null,
        asks: title ? [{ title, hash: `hash of ${title}` }] : [],
      });
      const runScript = async (ref: ScriptRef): Promise<ScriptOutcome> => {
        told.push(ref);
        const ended = new Set(told.flatMap((one) => one.ended)).size;
        if (ref.exchange === 1) return waits(3);
        if (ref.decided.length > 0) return { kind: 'ended', outcome: { value: 'sha256:returned' } };
        if (ended === 3) return waits(2, 'go on?');
        return waits(0);
      };
      await open(agents, { ...new Admissions(), runScript });
      const handle = await harness!.start({ count: 0, hasScript: true });
      await until(async () => (await handle.query(messages.statusQuery)).reason === 'approval');
      const status = await handle.query(messages.statusQuery);
      expect(status.approvals).toEqual([{ kind: 'script', title: 'go on?', hash: 'hash of go on?' }]);
      await expect(handle.executeUpdate(messages.approveUpdate, { args: [{ hash: 'another' }] })).rejects.toMatchObject(
        {
          cause: { type: 'Fleet.NotAsked' },
        },
      );
      await handle.executeUpdate(messages.approveUpdate, { args: [{ hash: 'hash of go on?' }] });
      const { units, state, outcome } = await handle.result();
      expect({ units, state, outcome }).toEqual({
        units: 'CCCCC',
        state: 'completed',
        outcome: { value: 'sha256:returned' },
      });
      expect(told.map(({ exchange }) => exchange)).toEqual(told.map((_, i) => i + 1));
      expect(told.flatMap(({ ended }) => ended).sort()).toEqual([0, 1, 2, 3, 4]);
      expect(told.flatMap(({ decided }) => decided).length).toBe(1);
    });

    it('breaks off an exchange that hangs when the fleet is cancelled', async () => {
      const isHanging = Promise.withResolvers<void>();
      const runScript = async (): Promise<ScriptOutcome> => {
        const { heartbeat, cancelled } = Context.current();
        const beat = setInterval(() => heartbeat(), 200);
        isHanging.resolve();
        return cancelled.finally(() => clearInterval(beat));
      };
      await open(new Agents(), { runScript });
      const handle = await harness!.start({ count: 0, hasScript: true });
      await isHanging.promise;
      await handle.executeUpdate(messages.cancelUpdate);
      expect(await handle.result()).toMatchObject({
        state: 'cancelled',
        parents: { script: { exchange: 0, sent: { ended: [], decided: [] } } },
      });
    });

    it('starts a wave when the gate behind the one before has opened, and asks a person where it has not', async () => {
      const agents = new Agents();
      agents.release();
      const judged: string[] = [];
      const judgeGate = async ({ wave, units }: GateRequest): Promise<GateVerdict> => {
        judged.push(units);
        const isOpen = wave === 1;
        return { isOpen, why: isOpen ? [] : ['too dear'], title: `wave ${wave + 1}`, hash: `h${wave}`, report: 'r' };
      };
      const rollout = { waves: 3, gate: { minCompleted: 1 }, stopOnFailureRate: null };
      await open(agents, { judgeGate, loadWaves: async () => '1122333' });
      const handle = await harness!.start({ count: 7, rollout });
      await until(async () => (await handle.query(messages.statusQuery)).reason === 'approval');
      expect(await handle.query(messages.statusQuery)).toMatchObject({
        wave: { open: 2, of: 3 },
        waiting: 3,
        approvals: [{ kind: 'gate', title: 'wave 3', hash: 'h2', why: ['too dear'], report: 'r' }],
      });
      expect(agents.calls.length).toBe(4);
      await handle.executeUpdate(messages.approveUpdate, { args: [{ hash: 'h2' }] });
      expect((await handle.result()).units).toBe('CCCCCCC');
      expect(judged).toEqual(['CCwwwww', 'CCCCwww']);
    });
  },
);
