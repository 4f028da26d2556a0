import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DiskStore } from '../../activities/artifacts/disk-store.ts';
import { listDaemons } from '../../client/local/down.ts';
import { Schedules } from '../../client/schedule/schedules.ts';
import { FLEET_WORKFLOW, SCHEDULED_FLEET_WORKFLOW, fleetWorkflowId, scheduleId } from '../../workflows/contract/ids.ts';
import * as messages from '../../workflows/contract/messages.ts';
import type { FleetSummary } from '../../workflows/contract/units.ts';
import type { fleetWorkflow } from '../../workflows/fleet.ts';
import type { scheduledFleetWorkflow } from '../../workflows/scheduled-fleet.ts';
import { HeldAgents, settleSubagents, until } from '../support/held-agents.ts';
import { isFleetToBegin } from '../../workers/open-fleets.ts';
import { startHarness, type Harness } from '../support/fleet-harness.ts';
import { MusterGround } from '../support/muster-process.ts';

let ground: MusterGround;
let address: string;
beforeAll(async () => {
  ground = new MusterGround({
    'slow.yaml': 'name: slow\ntasks: [{ label: a, prompt: "[[simulate turns=6 latency=500ms]] Slow" }]\n',
    'long.yaml': 'name: long\ntasks: [{ label: a, prompt: "[[simulate turns=400 latency=1s]] Long" }]\n',
    'quick.yaml': 'name: quick\ntasks: [{ label: a, prompt: "[[simulate turns=1]] Quick" }]\n',
  });
  const up = await ground.run(['up', '--simulate']);
  address = /^temporal (\S+)$/m.exec(up.stdout)![1]!;
});
afterAll(() => ground[Symbol.asyncDispose]());

async function muster(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ground.run(args);
  if (code !== 0) throw new Error(`muster ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

interface Told {
  scheduled_at: string;
  fleet?: string;
  status: string;
}
const history = async (name: string): Promise<Told[]> =>
  JSON.parse(await muster('schedule', 'history', name, '--output-format', 'json')) as Told[];
const fleet = async (id: string) =>
  JSON.parse(await muster('status', id, '--output-format', 'json')) as {
    status: string;
    schedule?: string;
    started_at: string;
    ended_at?: string;
  };

describe('a schedule', () => {
  it('fires by its cron, never beside a fleet of its own, is paused, resumed and deleted; its fleets are ordinary', async () => {
    const create = [
      'schedule',
      'create',
      '--cron',
      '@every 2s',
      '--name',
      'often',
      'slow.yaml',
      '--simulate',
      '--fresh',
    ];
    const made = JSON.parse(await muster(...create, '--output-format', 'json')) as { next: string[]; overlap: string };
    expect(made).toMatchObject({ cron: '@every 2s', timezone: 'UTC', overlap: 'skip', paused: false });
    expect(made.next.length).toBeGreaterThan(2);
    // A fleet takes three seconds and more: every second firing would find one under way.
    await until(async () => (await history('often')).filter(({ status }) => status === 'completed').length >= 2);
    await muster('schedule', 'pause', 'often', '--note', 'the freeze');
    const [listed] = JSON.parse(await muster('schedule', 'list', '--output-format', 'json')) as object[];
    expect(listed).toMatchObject({ name: 'often', paused: true, note: 'the freeze', fleet_name: 'slow' });
    await until(async () => (await history('often')).every(({ status }) => status === 'completed'));
    const fired = await history('often');
    const fleets = await Promise.all(fired.map(({ fleet: id }) => fleet(id!)));
    const spans = fleets.map(({ started_at, ended_at }) => [Date.parse(started_at), Date.parse(ended_at!)] as const);
    spans.sort(([a], [b]) => a - b);
    for (const [i, [startedAt]] of spans.entries())
      if (i > 0) expect(startedAt).toBeGreaterThanOrEqual(spans[i - 1]![1]);
    const id = fired[0]!.fleet!;
    expect(await muster('list')).toContain(id);
    expect((await fleet(id)).schedule).toBe('often');
    const { results } = JSON.parse(await muster('results', id, '--format', 'json')) as { results: object[] };
    // --fresh of the creation: a nightly fleet over the same files runs again.
    expect(results).toMatchObject([{ label: 'a', status: 'completed' }]);
    expect(results[0]).not.toHaveProperty('reused_from');
    expect((await muster('schedule', 'resume', 'often')).length).toBe(0);
    await until(async () => (await history('often')).length > fired.length);
    await muster('schedule', 'delete', 'often');
    const gone = await ground.run(['schedule', 'pause', 'often']);
    expect(gone).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/there is no schedule "often"/) });
    expect((await fleet(id)).status).toBe('completed');
    expect((await history('often')).length).toBeGreaterThan(fired.length);
  });

  it('is triggered, refuses to start beside a fleet under way, and replaces it when told to', async () => {
    await muster('schedule', 'create', '--cron', '0 2 * * *', 'long.yaml', '--simulate');
    const again = await ground.run(['schedule', 'create', '--cron', '0 3 * * *', 'long.yaml', '--simulate']);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringMatching(/there is a schedule long already/) });
    const trigger = (...more: string[]) => ground.run(['schedule', 'trigger', 'long', ...more]);
    const first = (await trigger()).stdout.trim();
    expect((await fleet(first)).status).toBe('running');
    expect(await trigger()).toMatchObject({ code: 2, stderr: expect.stringContaining(first) });
    const second = (await trigger('--overlap', 'Replace')).stdout.trim();
    expect(second).not.toBe(first);
    expect((await fleet(first)).status).toBe('cancelled');
    expect((await fleet(second)).status).toBe('running');
    await muster('cancel', second);
    await muster('schedule', 'delete', 'long');
  });

  it('is backfilled for the times its cron names in its zone', async () => {
    const create = ['schedule', 'create', '--cron', '0 2 * * *', '--timezone', 'Europe/Berlin', '--name', 'filled'];
    await muster(...create, 'quick.yaml', '--simulate');
    const range = ['--from', '2026-11-20T00:00:00Z', '--to', '2026-11-23'];
    await muster('schedule', 'backfill', 'filled', ...range, '--overlap', 'allow_all');
    await until(async () => (await history('filled')).filter(({ status }) => status === 'completed').length === 3);
    const days = (await history('filled')).map(({ scheduled_at }) => scheduled_at).sort();
    expect(days).toEqual(['20', '21', '22'].map((day) => `2026-11-${day}T01:00:00.000Z`));
    await muster('schedule', 'delete', 'filled');
  });

  it('makes one fleet of a firing, though the worker is killed as soon as that is written down', async () => {
    await muster('schedule', 'create', '--cron', '0 2 * * *', 'quick.yaml', '--simulate');
    const before = new Set((await muster('list')).match(/^\w{8}/gm));
    const worker = listDaemons(ground.home).find(({ kind }) => kind === 'worker')!.state.pid;
    const triggered = ground.start(['schedule', 'trigger', 'quick']);
    const fresh = async () => ((await muster('list')).match(/^\w{8}/gm) ?? []).filter((id) => !before.has(id));
    await until(async () => (await fresh()).length > 0);
    process.kill(worker, 'SIGKILL');
    await muster('up', '--simulate');
    await until(async () => (await history('quick'))[0]?.status === 'completed');
    triggered.kill();
    expect(await fresh()).toEqual([(await history('quick'))[0]!.fleet]);
    expect(await history('quick')).toHaveLength(1);
    await muster('schedule', 'delete', 'quick');
  });

  it('triggered twice in one second fires twice, though the server names firings after their second', async () => {
    const create = ['schedule', 'create', '--cron', '0 2 * * *', '--name', 'twice', 'quick.yaml', '--simulate'];
    const created = await Promise.all([ground.run(create), ground.run(create)]);
    expect(created.map(({ code }) => code).sort()).toEqual([0, 2]); // of two at once one makes it
    const connection = await Connection.connect({ address });
    try {
      const store = await DiskStore.open(join(ground.home, 'artifacts'));
      const client = new Client({ connection });
      const handle = client.schedule.getHandle(scheduleId('twice'));
      await until(() => Date.now() % 1_000 < 200); // early in a second, so that the next comes in the same
      await handle.trigger('ALLOW_ALL');
      await until(async () => (await handle.describe()).info.recentActions.length === 1);
      expect(await new Schedules({ client, store }).trigger('twice', 'allow_all')).toHaveProperty('fleetId');
      await until(async () => (await history('twice')).length === 2);
    } finally {
      await connection.close();
    }
    await muster('schedule', 'delete', 'twice');
  });

  it('on a cluster without a worker of its key is created, and says that its fleets will wait', async () => {
    const env = { TEMPORAL_ADDRESS: address, ANTHROPIC_API_KEY: 'sk-of-nobody' };
    const create = ['schedule', 'create', '--cron', '@yearly', '--name', 'waits', 'quick.yaml'];
    const before = listDaemons(ground.home).length;
    const ran = await ground.run(create, { env });
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^waits: @yearly \(UTC\), next \d{4}-01-01/) });
    expect(ran.stderr).toMatch(/no worker serves this Claude endpoint and credential/);
    expect(listDaemons(ground.home)).toHaveLength(before);
    const keyless = await ground.run([...create, '--name', 'other'], { env: { TEMPORAL_ADDRESS: address } });
    expect(keyless).toMatchObject({ code: 4, stdout: '' });
    await muster('schedule', 'delete', 'waits');
  });

  it.each([
    [['--cron', '60 2 * * *'], /--cron "60 2 \* \* \*": minute is not in range \[0-59\]/],
    [['--cron', '0 2 * *'], /it does not have 5-7 fields/],
    [['--cron', '0 2 * * *', '--timezone', 'Europe/Berln'], /--timezone Europe\/Berln: there is no such time zone/],
    [['--cron', '0 2 * * *', '--overlap', 'queue'], /--overlap queue: write one of skip, buffer_one/],
    [['--cron', '0 2 * * *', '--name', '../x'], /--name \.\.\/x: write letters/],
    [[], /--cron/],
  ])('is refused with %j', async (flags, message) => {
    const ran = await ground.run(['schedule', 'create', 'quick.yaml', '--simulate', ...flags]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(message);
  });

  it('needs a service that stays', async () => {
    await using alone = new MusterGround({ 'quick.yaml': 'tasks: [{ prompt: Quick }]\n' });
    const ran = await alone.run(['schedule', 'create', '--cron', '@daily', 'quick.yaml', '--simulate']);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(/none is up\n.*`muster up`.*TEMPORAL_ADDRESS/);
    expect(alone.hasHome).toBe(false);
  });
});

describe.each([{ maxCachedWorkflows: 100 }, { maxCachedWorkflows: 0 }])(
  'scheduledFleetWorkflow, cache of $maxCachedWorkflows',
  (options) => {
    let harness: Harness | undefined;
    afterEach(async () => {
      await harness?.close();
      harness = undefined;
    });

    /** One firing over agents of the test's own. */
    async function fire(agents: HeldAgents, { lost = 0, gate = Promise.resolve() } = {}) {
      const asked: messages.RegisterRequest[] = [];
      const summaries: FleetSummary[] = [];
      harness = await startHarness(
        address,
        {
          runSubagent: agents.runSubagent,
          settleSubagents,
          registerFleet: async (request) => {
            asked.push(request);
            await gate;
            if (asked.length <= lost) throw new Error('written down, and the answer lost');
            const id = `f-${request.firing}`;
            return { ...harness!.startOptions({}).args[0], fleetId: id };
          },
          closeFleet: async (summary) => void summaries.push(summary),
        },
        options,
      );
      const handle = await harness.client.workflow.start<typeof scheduledFleetWorkflow>(SCHEDULED_FLEET_WORKFLOW, {
        workflowId: `${scheduleId('test')}-${randomUUID()}`,
        taskQueue: harness.startOptions({}).taskQueue,
        args: [{ v: 1, schedule: 'test', draft: 'sha256:0' }],
      });
      const root = harness.client.workflow.getHandle<typeof fleetWorkflow>(
        fleetWorkflowId(`f-${handle.firstExecutionRunId}`),
      );
      return { handle, root, asked, summaries };
    }

    it('lives as long as its fleet, which is started once though the answer of the first writing is lost', async () => {
      const agents = new HeldAgents();
      const { handle, root, asked } = await fire(agents, { lost: 2 });
      await until(() => agents.inFlight === 5);
      expect((await handle.describe()).status.name).toBe('RUNNING');
      expect((await handle.describe()).memo).toMatchObject({ ScheduledFleet: root.workflowId.slice('fleet/'.length) });
      agents.release();
      expect((await handle.result()).units).toBe('C'.repeat(10));
      expect(asked).toHaveLength(3);
      expect(new Set(asked.map(({ firing }) => firing)).size).toBe(1);
      const { client } = harness!;
      const ids = `WorkflowType='${FLEET_WORKFLOW}' AND WorkflowId STARTS_WITH '${root.workflowId}'`;
      await expect.poll(async () => (await client.workflow.count(ids)).count).toBe(1);
    });

    it('counts as work for an idle worker until its fleet has begun, which then speaks for itself', async () => {
      const agents = new HeldAgents();
      const gate = Promise.withResolvers<void>();
      const { handle } = await fire(agents, { gate: gate.promise });
      const isToBegin = () => isFleetToBegin({ namespace: 'default' }, harness!.client.connection);
      await expect.poll(isToBegin).toBe(true);
      gate.resolve();
      await until(() => agents.inFlight === 5);
      await expect.poll(isToBegin).toBe(false);
      agents.release();
      await handle.result();
    });

    it('cancelled, cancels its fleet as a person would, and ends when that has ended', async () => {
      const agents = new HeldAgents();
      const { handle, root, summaries } = await fire(agents);
      await until(() => agents.inFlight === 5);
      agents.release(0);
      await until(async () => (await root.query(messages.statusQuery)).census.completed === 1);
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow();
      expect((await handle.describe()).status.name).toBe('CANCELLED');
      expect((await root.describe()).status.name).toBe('COMPLETED');
      expect(agents.inFlight).toBe(0);
      expect(summaries).toMatchObject([{ state: 'cancelled', generation: 1 }]);
      expect([...summaries[0]!.units].filter((letter) => letter === 'C')).toHaveLength(1);
    });

    it('cancelled before its fleet has begun, still ends with one that is cancelled', async () => {
      const agents = new HeldAgents();
      const { handle, root } = await fire(agents, { lost: 1 });
      await handle.cancel();
      await expect(handle.result()).rejects.toThrow();
      expect((await root.result()).state).toBe('cancelled');
      expect(agents.inFlight).toBe(0);
    });

    it('terminated, takes its fleet with it', async () => {
      const agents = new HeldAgents();
      const { handle, root } = await fire(agents);
      await until(() => agents.inFlight === 5);
      await handle.terminate('replaced');
      await until(async () => (await root.describe()).status.name === 'TERMINATED');
      await until(() => agents.inFlight === 0);
      expect(agents.ended).toEqual([]);
    });
  },
);
