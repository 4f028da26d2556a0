import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../../client/config.ts';
import { addSearchAttributes } from '../../client/fleet-client/search-attributes.ts';
import type { Check } from '../../client/local/doctor/check.ts';
import { serverChecks } from '../../client/local/doctor/server-checks.ts';
import { fleetIdOf, fleetWorkflowId } from '../../workflows/contract/ids.ts';
import { Cluster, type TaskOf } from '../support/cluster.ts';
import { TemporalServer } from '../support/temporal-server.ts';

const SLOTS = 8;
const BIG = 200;
const SMALL = 20;

const agents = (count: number, of: string): TaskOf[] =>
  Array.from({ length: count }, (_, i) => ({ prompt: `[[simulate turns=1 latency=400ms]] ${of} ${i}` }));

let cluster: Cluster;
beforeAll(async () => {
  const temporal = await TemporalServer.start();
  const connection = await Connection.connect({ address: temporal.address });
  await addSearchAttributes(connection, 'default').finally(() => connection.close());
  cluster = await Cluster.start({ workers: 1, env: { MUSTER_WORKER_SLOTS: String(SLOTS) }, temporal });
});
afterAll(async () => cluster[Symbol.asyncDispose]());

const found = async (query: string): Promise<(string | undefined)[]> =>
  (await Array.fromAsync(cluster.client.workflow.list({ query }))).map(({ workflowId }) => fleetIdOf(workflowId));

it('a team with a fleet of 200 under way starves none with 20: they take turns on the slots', async () => {
  const of = { maxConcurrentAgents: BIG };
  const big = await cluster.submit(agents(BIG, 'big'), { ...of, name: 'all-repos' }, 'never', { team: 'platform' });
  await cluster.until(big, ({ census }) => census.completed > 0); // all its work waits for slots
  const small = await cluster.submit(agents(SMALL, 'small'), { ...of, name: 'one-service' }, 'never', {
    team: 'payments',
    priority: 3,
  });
  const submitted = (await cluster.fleets.status(big.id)).census.completed;
  await cluster.until(small, ({ running, census }) => running + census.completed === SMALL);
  const before = (await cluster.fleets.status(big.id)).census.completed;
  await cluster.until(small, ({ state }) => state === 'completed');
  const { census } = await cluster.fleets.status(big.id);
  const meanwhile = census.completed - before;
  const left = BIG - census.completed;
  console.log(
    `while ${SMALL} of one team ended, ${meanwhile} of the other did (${before - submitted} before); ${left} are left`,
  );
  // Twice the time it takes alone is as many ends of the other. Beside them, what was in the slots before and after.
  expect(meanwhile).toBeLessThanOrEqual(SMALL + 3 * SLOTS);
  await cluster.until(big, ({ state }) => state === 'completed');
});

it('team and priority reach every activity, and a fleet is found by name, team and state', async () => {
  const fleet = await cluster.submit(agents(3, 'x'), { name: 'found' }, 'never', { team: 'search', priority: 2 });
  const { workflow } = cluster.client;
  await cluster.until(fleet, ({ state }) => state === 'completed');
  const root = await workflow.getHandle(fleetWorkflowId(fleet.id)).fetchHistory();
  const batches = root.events!.flatMap(
    ({ startChildWorkflowExecutionInitiatedEventAttributes: child }) => child?.workflowId ?? [],
  );
  const [batch] = await Promise.all(batches.map((id) => workflow.getHandle(id).fetchHistory()));
  const started = batch!.events![0]!.workflowExecutionStartedEventAttributes!;
  expect(started.priority).toMatchObject({ fairnessKey: 'search', priorityKey: 2 });

  await expect.poll(() => found("FleetTeam='search' AND FleetState='completed'")).toEqual([fleet.id]);
  expect(await found("FleetName='found'")).toEqual([fleet.id]);
  expect(await found("FleetTeam='search' AND FleetState='running'")).toEqual([]);
});

it('muster doctor says which search attributes a namespace lacks, and the command that adds them', async () => {
  const { workflowService } = cluster.client.connection;
  const workflowExecutionRetentionPeriod = msToTs('7 days');
  await workflowService.registerNamespace({ namespace: 'other', workflowExecutionRetentionPeriod });
  const connection = { address: cluster.server.address };
  const look = async (): Promise<Check | undefined> => {
    const temporal = { address: cluster.server.address, namespace: 'other', variables: {}, connection };
    const config = { ...readConfig({ HOME: cluster.home, MUSTER_HOME: cluster.home }, cluster.home), temporal };
    return (await serverChecks(config)).find(({ name }) => name === 'search attributes');
  };
  await expect.poll(async () => (await look())?.status).toBe('warning'); // a new namespace takes a moment
  const { detail, hint } = (await look())!;
  expect(detail).toBe('namespace other lacks FleetName, FleetTeam, FleetState');
  const [program, ...args] = hint!.split(' ');
  expect(program).toBe('temporal');
  const binary = process.env['MUSTER_TEMPORAL_BINARY'] ?? 'temporal';
  await promisify(execFile)(binary, [...args, '--address', cluster.server.address]);
  await expect.poll(async () => (await look())?.status).toBe('ok');
});
