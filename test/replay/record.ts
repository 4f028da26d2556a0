import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { addSearchAttributes } from '../../client/fleet-client/search-attributes.ts';
import { encodeGraph } from '../../workflows/contract/graph.ts';
import { startHarness, type Harness } from '../support/fleet-harness.ts';
import { SCHEDULED_FLEET_WORKFLOW, scheduleId } from '../../workflows/contract/ids.ts';
import type { scheduledFleetWorkflow } from '../../workflows/scheduled-fleet.ts';
import { Admissions, HeldAgents, settleSubagents, until } from '../support/held-agents.ts';
import { TemporalServer } from '../support/temporal-server.ts';
import { CASES, type Case } from './cases.ts';

/**
 * Records histories of real runs as `histories/<workflow>-<case>-<version>.json`: once per release, for the replay test to
 * hold every later bundle against. Leaves alone what there is; `--force` does not, for a case that is not released.
 */
const HISTORIES = join(import.meta.dirname, 'histories');
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  version: string;
};
const flag = process.argv.includes('--force') ? 'w' : 'wx';
const fileOf = (name: string): string => join(HISTORIES, `${name}-${version}.json`);

async function record(address: string, one: Case): Promise<void> {
  const { name, input, graph, waves, script, outcome, steer, batches = 0 } = one;
  const agents = new HeldAgents();
  if (outcome) agents.outcome = outcome;
  if (!steer) agents.release();
  const harness = await startHarness(
    address,
    {
      runSubagent: agents.runSubagent,
      settleSubagents,
      ...new Admissions(),
      loadGraph: async () => encodeGraph(graph ?? []),
      loadWaves: async () => waves ?? '',
      judgeGate: async ({ wave, generations }) => {
        const title = `wave ${(wave + 1).toString()}`;
        return { isOpen: true, why: [], title, hash: `${title}/${generations.length.toString()}`, report: 'sha256:0' };
      },
      ...(script && { runScript: async (exchange) => script(exchange) }),
      probeStore: async () => undefined,
    },
    { identity: 'recorder' },
  );
  try {
    const handle = await harness.start(input);
    await steer?.(handle, agents, harness);
    await handle.result();
    const children = await keep(harness, handle.workflowId, `fleet-${name}`);
    for (const [i, child] of children.slice(0, batches).entries())
      await keep(harness, child, `batch-${name}-${(i + 1).toString()}`);
  } finally {
    await harness.close();
  }
}

/** Of a firing: one whose first answer was lost, and one that is cancelled with its fleet under way. */
async function recordFirings(address: string): Promise<void> {
  for (const name of ['fired', 'cancelled']) {
    const agents = new HeldAgents();
    let asked = 0;
    const harness = await startHarness(
      address,
      {
        runSubagent: agents.runSubagent,
        settleSubagents,
        registerFleet: async ({ firing }) => {
          if (++asked === 1 && name === 'fired') throw new Error('recorded');
          return { ...harness.startOptions({}).args[0], fleetId: firing };
        },
      },
      { identity: 'recorder' },
    );
    try {
      const { taskQueue } = harness.startOptions({});
      const args = [{ v: 1, schedule: 'recorded', draft: 'sha256:0' }] as const;
      const workflowId = `${scheduleId('recorded')}-${name}`;
      const options = { workflowId, taskQueue, args };
      const handle = await harness.client.workflow.start<typeof scheduledFleetWorkflow>(
        SCHEDULED_FLEET_WORKFLOW,
        options,
      );
      await until(() => agents.inFlight === 5);
      if (name === 'cancelled') await handle.cancel();
      else agents.release();
      await handle.result().catch(() => undefined);
      await keep(harness, workflowId, `scheduled-${name}`);
    } finally {
      await harness.close();
    }
  }
}

/** Writes one history down; resolves with the workflows it started. */
async function keep({ client }: Harness, workflowId: string, name: string): Promise<string[]> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  const path = fileOf(name);
  await writeFile(path, `${JSON.stringify(JSON.parse(historyToJSON(history)), withoutMachine)}\n`, { flag });
  console.log(path);
  return (history.events ?? []).flatMap(
    ({ startChildWorkflowExecutionInitiatedEventAttributes: child }) => child?.workflowId ?? [],
  );
}

/** Where it was recorded is nobody's business. */
function withoutMachine(key: string, value: unknown): unknown {
  if (key === 'stackTrace') return '';
  return key === 'identity' && typeof value === 'string' ? 'recorder' : value;
}

await mkdir(HISTORIES, { recursive: true });
const server = await TemporalServer.start();
const connection = await Connection.connect({ address: server.address });
await addSearchAttributes(connection, 'default').finally(() => connection.close());
try {
  for (const one of CASES)
    if (flag === 'w' || !existsSync(fileOf(`fleet-${one.name}`))) await record(server.address, one);
  if (flag === 'w' || !existsSync(fileOf('scheduled-fired'))) await recordFirings(server.address);
} finally {
  await server.stop();
}
