import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FLEET_STATE_MEMO, fleetWorkflowId } from '../../workflows/contract/ids.ts';
import { API_KEY, Cluster, type ClusterOptions } from '../support/cluster.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Each where the name says; all long enough to be there for no other reason. */
const CANARIES = {
  prompt: 'prompt-canary-Zr6bN1cWm9',
  context: 'context-canary-Ld5yJ7fQs4',
  output: 'output-canary-Gx8uE2hVa6',
  env: 'env-canary-Mk4oP9iRt3',
  failure: 'failure-canary-Bw7sC5gYn1',
  key: API_KEY,
};
type Canary = keyof typeof CANARIES;

const keyOf = (id: string) => ({ id, base64: randomBytes(32).toString('base64') });
const [OLD, NEW] = [keyOf('old'), keyOf('new')];

it('keeps no prompt, output, failure or secret where Temporal stores it, once keys are given', async () => {
  await using world = await canaries({ encryptionKeys: [OLD] });
  expect(world.failures).toEqual(['Encoded failure']);
  expect(found(world.cluster)).toEqual([]);
  expect(bytesOf(world.cluster)).toContain('encryption-key-id');
});

it('finds what history holds when no keys are given, so the search can find', async () => {
  await using world = await canaries({});
  expect(world.failures[0]).toContain(CANARIES.failure);
  // Prompts, contexts, outputs and keys stay out of history by themselves: it carries references.
  expect(found(world.cluster)).toEqual(['failure']);
});

it('switches keys under an open fleet; a worker without the key loses nothing', async () => {
  await using cluster = await Cluster.start({ encryptionKeys: [NEW, OLD], workers: 0 });
  const plain = await cluster.startWorker('all', { MUSTER_ENCRYPTION_KEYS: '' });
  const fleet = await cluster.submit([{ prompt: `[[simulate output="${CANARIES.output}"]]` }]);
  await expect.poll(() => plain.lines, { timeout: 60_000 }).toMatch(/the key [\\"]+new[\\"]+, which is not among/);
  const { memo } = await cluster.client.workflow.getHandle(fleetWorkflowId(fleet.id)).describe();
  expect(memo?.[FLEET_STATE_MEMO]).toBe('running');
  await plain.kill('SIGTERM');
  await cluster.startWorker();
  const ended = await cluster.until(fleet, ({ state }) => state === 'completed');
  expect(ended.census).toMatchObject({ completed: 1, failed: 0 });
  expect((await cluster.results(fleet))[0]).toMatchObject({ status: 'completed', attempts: 1 });
});

/** A fleet that met them all and has ended; `failures` as the server told them of an activity that could not go on. */
async function canaries(options: ClusterOptions): Promise<AsyncDisposable & { cluster: Cluster; failures: string[] }> {
  const { prompt, context, output, env, failure } = CANARIES;
  const name = 'of-canaries';
  const directory = await temporaryDirectory();
  // Its path is in the message of whatever fails for want of the store.
  const artifacts = join(directory.path, failure);
  const cluster = await Cluster.start({ simulated: { latency: 500 }, artifacts, ...options });
  const fleet = await cluster.submit(
    [
      {
        prompt: `${prompt} [[simulate turns=3 output="${output}"]]`,
        context: [{ name: 'data', text: context }],
        env: { NOTE: env },
      },
    ],
    { name },
  );
  await expect.poll(() => cluster.claude.stats().calls, { timeout: 60_000 }).toBeGreaterThan(0);
  await rename(artifacts, `${artifacts}-away`);
  await writeFile(artifacts, '');
  await expect.poll(() => lastFailures(cluster), { timeout: 60_000 }).not.toEqual([]);
  const failures = await lastFailures(cluster);
  await rm(artifacts);
  await rename(`${artifacts}-away`, artifacts);
  const ended = await cluster.until(fleet, ({ state }) => state !== 'running');
  expect(ended.census).toMatchObject({ completed: 1 });
  const [result] = await cluster.results(fleet);
  expect(result).toMatchObject({ output });
  const listed = await Array.fromAsync(cluster.client.workflow.list());
  expect(listed.map(({ memo }) => memo?.['name']).filter(Boolean)).toEqual([name]);
  return {
    cluster,
    failures,
    [Symbol.asyncDispose]: async () => {
      await cluster[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Why the pending activities of all open workflows failed last, undecoded. */
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

/** Which canaries the server's files hold, as they are or in base64, wherever it begins. */
function found(cluster: Cluster): Canary[] {
  const bytes = bytesOf(cluster);
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

/** The database with its log; the server writes them as they are, uncompressed. */
function bytesOf({ server }: Cluster): string {
  const files = readdirSync(server.data).map((file) => join(server.data, file));
  return files.map((file) => (existsSync(file) ? readFileSync(file, 'latin1') : '')).join('\n');
}
