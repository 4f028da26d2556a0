import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import { ROOT_HISTORY_BYTES } from '../../workflows/contract/limits.ts';
import * as messages from '../../workflows/contract/messages.ts';
import type { ScriptOutcome, ScriptRef, UnitOutcome } from '../../workflows/contract/units.ts';
import { startHarness, type Harness } from '../support/fleet-harness.ts';
import { Admissions, HeldAgents, settleSubagents, until, wish } from '../support/held-agents.ts';
import { TemporalServer } from '../support/temporal-server.ts';

let server: TemporalServer;
let harness: Harness | undefined;
beforeAll(async () => void (server = await TemporalServer.start()));
afterAll(() => server.stop());
afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

const SIGNAL_BYTES = 100_000;
const FAILED_PRECONDITION = 9;

/** A state of a batch that the root never opened, which it passes over. */
const passedOver = {
  ...({ v: 1, batch: 999_999, seq: 1, epoch: 1, holding: 0, wants: 0, units: 'b'.repeat(SIGNAL_BYTES) } as const),
  ...{ parked: [], spentMicroUsd: 0, reservedMicroUsd: 0 },
};

/** Makes a root's history long at once. A workflow task does not see what arrived just before it, so a few more are sent. */
async function lengthen(handle: WorkflowHandle): Promise<void> {
  for (let sent = 0; sent <= ROOT_HISTORY_BYTES + 10 * SIGNAL_BYTES; sent += SIGNAL_BYTES)
    await handle.signal(messages.stateSignal, passedOver);
}

const runOf = async (handle: WorkflowHandle): Promise<string> => {
  return (await harness!.client.workflow.getHandle(handle.workflowId).describe()).runId;
};

/** On a slow machine all of the last ones may have come while one task was under way: what is quiet then is woken again. */
const untilNewRun = (handle: WorkflowHandle, first: string): Promise<void> =>
  until(async () => {
    if ((await runOf(handle)) !== first) return true;
    await handle.signal(messages.stateSignal, { ...passedOver, units: '' });
    await setTimeout(1_000); // a run cannot end while signals keep coming
    return false;
  });

/**
 * A server may refuse an update for a moment: while signals stream in, each overtakes the end of the run, which is then
 * tried again. As the fleet's client does, it is sent again.
 */
async function persistently<T>(update: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await update();
    } catch (error) {
      const { cause } = error as { cause?: { code?: number } };
      if (cause?.code !== FAILED_PRECONDITION) throw error;
    }
}

describe.each([{ maxCachedWorkflows: 100 }, { maxCachedWorkflows: 0 }])(
  'a root whose history grew too long, cache of $maxCachedWorkflows',
  (options) => {
    const open = async (agents: HeldAgents) =>
      (harness = await startHarness(server.address, { runSubagent: agents.runSubagent, settleSubagents }, options));

    it('goes on as a new run: nothing lost, nobody twice, limits and generations carried, a stop on the way kept', async () => {
      const agents = new HeldAgents();
      agents.outcome = ({ index, generation }) => ({
        kind: 'ended',
        status: index === 1 && generation === 1 ? 'failed' : 'completed',
        spentMicroUsd: 10,
      });
      const limits = { concurrency: 4, budgetMicroUsd: 5_000, sliceMicroUsd: 15, failIf: null };
      const handle = await (await open(agents)).start({ count: 40, limits });
      await until(() => agents.inFlight === 4);
      agents.release(0);
      agents.release(1);
      await until(async () => (await handle.query(messages.progressQuery)).units.startsWith('CF'));
      await handle.executeUpdate(messages.retryUpdate, { args: [{ indexes: [1] }] });
      await handle.executeUpdate(messages.setUpdate, { args: [{ concurrency: 6, budgetMicroUsd: 6_000 }] });
      await until(() => agents.inFlight === 6);
      const first = await runOf(handle);
      const [, stopped] = await Promise.all([
        lengthen(handle),
        handle.executeUpdate(messages.stopUpdate, { args: [{ indexes: [2] }] }),
      ]);
      expect(stopped.census.stopped).toBe(1);
      await untilNewRun(handle, first);
      const next = harness!.client.workflow.getHandle(handle.workflowId);
      const status = await next.query(messages.statusQuery);
      expect(status).toMatchObject({ concurrency: 6, budgetMicroUsd: 6_000, state: 'running' });
      expect(status.census).toMatchObject({ completed: 1, stopped: 1 });
      expect(await next.query(messages.progressQuery)).toMatchObject({ generations: [[1, 2]] });
      await until(() => agents.inFlight === 6);
      agents.release();
      const { units, generations, spentMicroUsd, state } = await handle.result();
      expect({ units, generations, state }).toEqual({
        units: `CCS${'C'.repeat(37)}`,
        generations: [[1, 2]],
        state: 'completed',
      });
      expect(agents.most).toBeLessThanOrEqual(6);
      // 39 completed and one failed at 10 each; each that was taken back had spent 3.
      expect(spentMicroUsd).toBe(400 + 3 * agents.parked.length);
      expect(agents.ended.map(({ index, generation }) => `${index}/${generation}`).sort()).toEqual(
        [...Array.from({ length: 40 }, (_, i) => `${i}/1`).filter((key) => key !== '2/1'), '1/2'].sort(),
      );
      const epochs = new Map<number, number>();
      for (const { index, epoch } of agents.calls) {
        expect(epoch).toBeGreaterThan(epochs.get(index) ?? 0);
        epochs.set(index, epoch);
      }
    });

    it('keeps its script, a parent that waits, whom both spawned, and an open approval', async () => {
      const agents = new HeldAgents();
      let asked = false;
      agents.outcome = ({ index }): UnitOutcome => {
        if (index !== 0 || asked) return { kind: 'ended', status: 'completed', spentMicroUsd: 10 };
        asked = true;
        return {
          kind: 'parked',
          reason: { for: 'spawn', request: wish({ count: 3, need: 3 }), seq: 1 },
          spentMicroUsd: 1,
        };
      };
      const told: ScriptRef[] = [];
      const runScript = async (ref: ScriptRef): Promise<ScriptOutcome> => {
        told.push(ref);
        const isDone =
          told.flatMap(({ ended }) => ended).length === 2 && told.some(({ decided }) => decided.length > 0);
        if (isDone) return { kind: 'ended', outcome: { value: null } };
        const asks = ref.exchange === 1 ? [{ title: 'on?', hash: 'h' }] : [];
        return { kind: 'waits', request: ref.exchange === 1 ? wish({ count: 2 }) : null, asks };
      };
      harness = await startHarness(
        server.address,
        { runSubagent: agents.runSubagent, settleSubagents, ...new Admissions(), runScript },
        options,
      );
      const handle = await harness.start({ count: 0, hasScript: true });
      await until(() => agents.inFlight === 2);
      agents.release(0);
      await until(() => agents.inFlight === 4);
      const first = await runOf(handle);
      await lengthen(handle);
      await untilNewRun(handle, first);
      const next = harness.client.workflow.getHandle(handle.workflowId);
      await until(() => agents.inFlight === 4);
      expect(await next.query(messages.statusQuery)).toMatchObject({
        count: 5,
        exchanges: 1,
        approvals: [{ hash: 'h' }],
      });
      await next.executeUpdate(messages.approveUpdate, { args: [{ hash: 'h' }] });
      agents.release();
      const { units, outcome, parents } = await handle.result();
      expect({ units, outcome }).toEqual({ units: 'CCCCC', outcome: { value: null } });
      expect(parents!.spawned).toEqual([
        [2, 'script', 1, null],
        [3, 0, 2, null],
      ]);
      expect(told.flatMap(({ ended }) => ended).sort()).toEqual([0, 1]);
      expect(told.map(({ exchange }) => exchange)).toEqual(told.map((_, i) => i + 1));
    });

    it('stays paused when it was paused, and goes on when resumed', async () => {
      const agents = new HeldAgents();
      const handle = await (await open(agents)).start({ count: 12 });
      await until(() => agents.inFlight === 5);
      await handle.executeUpdate(messages.pauseUpdate);
      const first = await runOf(handle);
      await lengthen(handle);
      await untilNewRun(handle, first);
      const next = harness!.client.workflow.getHandle(handle.workflowId);
      expect(await next.query(messages.statusQuery)).toMatchObject({
        state: 'paused',
        reason: 'user',
        parked: 5,
        queued: 7,
      });
      expect(agents.inFlight).toBe(0);
      agents.release();
      await next.executeUpdate(messages.resumeUpdate);
      expect((await handle.result()).units).toBe('C'.repeat(12));
      expect(agents.ended).toHaveLength(12);
    });

    it('takes every update that comes while it changes runs', async () => {
      const agents = new HeldAgents();
      const handle = await (await open(agents)).start({ count: 30 });
      await until(() => agents.inFlight === 5);
      const first = await runOf(handle);
      const steering = (async () => {
        const current = harness!.client.workflow.getHandle(handle.workflowId);
        let concurrency = 10;
        while ((await runOf(handle)) === first)
          await persistently(() =>
            current.executeUpdate(messages.setUpdate, { args: [{ concurrency: concurrency + 1 }] }),
          ).then(() => concurrency++);
        return concurrency;
      })();
      await lengthen(handle);
      const concurrency = await steering;
      expect(concurrency).toBeGreaterThan(10);
      await until(() => agents.inFlight === Math.min(30, concurrency));
      agents.release();
      expect((await handle.result()).units).toBe('C'.repeat(30));
    });

    it('ends as cancelled when it is cancelled then, not as a new run', async () => {
      const agents = new HeldAgents();
      const handle = await (await open(agents)).start({ count: 12 });
      await until(() => agents.inFlight === 5);
      const first = await runOf(handle);
      const cancelling = persistently(() => handle.executeUpdate(messages.cancelUpdate));
      await lengthen(handle).catch(() => undefined); // the last ones may find it closed
      expect((await cancelling).census).toMatchObject({ stopped: 5, not_attempted: 7 });
      expect((await handle.result()).state).toBe('cancelled');
      expect(await runOf(handle)).toBe(first);
    });
  },
);
