import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { encodeGraph } from '../../workflows/contract/graph.ts';
import { startHarness, type Harness } from '../support/fleet-harness.ts';
import { HeldAgents, settleSubagents } from '../support/held-agents.ts';
import { TemporalServer } from '../support/temporal-server.ts';
import { CASES, type Case } from './cases.ts';

/**
 * Records histories of real runs as `histories/<workflow>-<case>-<version>.json`: once per release, for the replay test to
 * hold every later bundle against. Never overwrites what a release left; `--force` does while a version is unreleased.
 */
const HISTORIES = join(import.meta.dirname, 'histories');
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  version: string;
};
const flag = process.argv.includes('--force') ? 'w' : 'wx';

async function record(address: string, { name, input, graph, outcome, steer, batches = 0 }: Case): Promise<void> {
  const agents = new HeldAgents();
  if (outcome) agents.outcome = outcome;
  if (!steer) agents.release();
  const harness = await startHarness(
    address,
    {
      runSubagent: agents.runSubagent,
      settleSubagents,
      loadGraph: async () => encodeGraph(graph ?? []),
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

/** Writes one history down; resolves with the workflows it started. */
async function keep({ client }: Harness, workflowId: string, name: string): Promise<string[]> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  const path = join(HISTORIES, `${name}-${version}.json`);
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
try {
  for (const one of CASES) await record(server.address, one);
} finally {
  await server.stop();
}
