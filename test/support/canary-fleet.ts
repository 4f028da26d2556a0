import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { fleetWorkflowId } from '../../workflows/contract/ids.ts';
import { API_KEY, Cluster, type ClusterOptions } from './cluster.ts';
import { temporaryDirectory } from './temporary.ts';

/** Each where the name says; all long enough to be there for no other reason. */
export const CANARIES = {
  prompt: 'prompt-canary-Zr6bN1cWm9',
  context: 'context-canary-Ld5yJ7fQs4',
  output: 'output-canary-Gx8uE2hVa6',
  env: 'env-canary-Mk4oP9iRt3',
  failure: 'failure-canary-Bw7sC5gYn1',
  key: API_KEY,
};
export type Canary = keyof typeof CANARIES;

export interface CanaryFleet extends AsyncDisposable {
  cluster: Cluster;
  /** As the server told them, undecoded, of an activity that could not go on. */
  failures: string[];
}

/** A fleet that met every canary and has ended, its memo read back. */
export async function runCanaryFleet(options: ClusterOptions): Promise<CanaryFleet> {
  const { prompt, context, output, env, failure } = CANARIES;
  const name = 'of-canaries';
  const directory = await temporaryDirectory();
  // Its path is in the message of whatever fails for want of the store.
  const artifacts = join(directory.path, failure);
  const cluster = await Cluster.start({ simulated: { latency: 500 }, artifacts, ...options });
  const task = {
    prompt: `${prompt} [[simulate turns=3 output="${output}"]]`,
    context: [{ name: 'data', text: context }],
    env: { NOTE: env },
  };
  const fleet = await cluster.submit([task], { name });
  await expect.poll(() => cluster.claude.stats().calls, { timeout: 60_000 }).toBeGreaterThan(0);
  await rename(artifacts, `${artifacts}-away`);
  await writeFile(artifacts, '');
  await expect.poll(() => lastFailures(cluster), { timeout: 60_000 }).not.toEqual([]);
  const failures = await lastFailures(cluster);
  await rm(artifacts);
  await rename(`${artifacts}-away`, artifacts);
  const ended = await cluster.until(fleet, ({ state }) => state !== 'running');
  expect(ended.census).toMatchObject({ completed: 1 });
  expect((await cluster.results(fleet))[0]).toMatchObject({ output });
  const query = `WorkflowId='${fleetWorkflowId(fleet.id)}'`;
  const listed = await Array.fromAsync(cluster.client.workflow.list({ query }));
  expect(listed.map(({ memo }) => memo?.['name'])).toEqual([name]);
  return {
    cluster,
    failures,
    [Symbol.asyncDispose]: async () => {
      await cluster[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Which canaries are in there as they are, in hex, or in base64 wherever it begins. */
export function canariesIn(bytes: string): Canary[] {
  return (Object.keys(CANARIES) as Canary[]).filter((name) => spellings(CANARIES[name]).some((s) => bytes.includes(s)));
}

function spellings(text: string): string[] {
  const base64 = [0, 1, 2].map((before) =>
    Buffer.from(`${'x'.repeat(before)}${text}`)
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  );
  return [text, Buffer.from(text).toString('hex'), ...base64];
}

/** Why the pending activities of all workflows failed last. */
async function lastFailures({ client }: Cluster): Promise<string[]> {
  const { workflowService } = client.connection;
  const { executions } = await workflowService.listWorkflowExecutions({ namespace: 'default' });
  const described = await Promise.all(
    executions.map(({ execution = null }) =>
      workflowService.describeWorkflowExecution({ namespace: 'default', execution }),
    ),
  );
  return described.flatMap(({ pendingActivities }) =>
    (pendingActivities ?? []).flatMap(({ lastFailure }) => lastFailure?.message ?? []),
  );
}
