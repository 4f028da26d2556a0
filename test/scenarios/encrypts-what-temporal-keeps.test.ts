import { randomBytes } from 'node:crypto';
import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listOpenFleets } from '../../client/local/down.ts';
import { FLEET_STATE_MEMO, fleetWorkflowId } from '../../workflows/contract/ids.ts';
import { CANARIES, canariesIn, runCanaryFleet } from '../support/canary-fleet.ts';
import { Cluster } from '../support/cluster.ts';
import { MusterGround } from '../support/muster-process.ts';

const keyOf = (id: string) => ({ id, base64: randomBytes(32).toString('base64') });
const LONG = '[[simulate turns=6 latency=1s output="done"]]';
const [OLD, NEW] = [keyOf('old'), keyOf('new')];

it('keeps no prompt, output, failure or secret where Temporal stores it, once keys are given', async () => {
  await using world = await runCanaryFleet({ encryptionKeys: [OLD] });
  expect(world.failures).toEqual(['Encoded failure']);
  expect(canariesIn(bytesOf(world.cluster))).toEqual([]);
  expect(bytesOf(world.cluster)).toContain('encryption-key-id');
});

it('finds what history holds when no keys are given, so the search can find', async () => {
  await using world = await runCanaryFleet({});
  expect(world.failures[0]).toContain(CANARIES.failure);
  // Prompts, contexts, outputs and keys stay out of history by themselves: it carries references.
  expect(canariesIn(bytesOf(world.cluster))).toEqual(['failure']);
});

it('goes on where a worker has the key; one that has not says which it lacks, and loses nothing', async () => {
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

it('is switched on under an open fleet', async () => {
  await using cluster = await Cluster.start({ workers: 0 });
  const fleet = await cluster.submit([{ prompt: `[[simulate turns=8 latency=1s output="${CANARIES.output}"]]` }]);
  const plain = await cluster.startWorker();
  await expect.poll(() => cluster.claude.stats().calls, { timeout: 60_000 }).toBeGreaterThan(1);
  await plain.kill('SIGTERM');
  expect(bytesOf(cluster)).not.toContain('encryption-key-id');
  const keyed = await cluster.startWorker('all', { MUSTER_ENCRYPTION_KEYS: `${OLD.id}:${OLD.base64}` });
  await expect
    .poll(async () => (await cluster.results(fleet)).map(({ status }) => status), { timeout: 120_000 })
    .toEqual(['completed']);
  expect(keyed.lines).not.toContain('PayloadUnreadable');
  // It began in the clear, and what was written since names its key.
  expect(bytesOf(cluster)).toContain('encryption-key-id');
});

it('goes with the embedded server too, whose worker ends itself while a fleet waits for a person', async () => {
  await using ground = new MusterGround({
    'tasks.json': JSON.stringify({ tasks: [{ prompt: LONG }, { prompt: LONG }] }),
  });
  const env = { MUSTER_ENCRYPTION_KEYS: `${NEW.id}:${NEW.base64}`, MUSTER_IDLE_EXIT_MS: '3000' };
  const muster = async (...args: string[]) => {
    const ran = await ground.run(args, { env });
    expect({ args, code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ args, code: 0, stderr: '' });
    return ran.stdout;
  };
  const { id } = JSON.parse(await muster('run', 'tasks.json', '--simulate', '--detach', '--output-format', 'json')) as {
    id: string;
  };
  expect(await listOpenFleets(ground.home)).toEqual([id]);
  await muster('pause', '@latest');
  await expect.poll(() => muster('status', '@latest', '--output-format', 'json')).toContain('"paused"');
  const workers = () => globSync(join(ground.home, 'run/worker-*.json'));
  expect(workers().length).toBe(1);
  // It reads in the memo that nobody but a person can go on.
  await expect.poll(workers, { timeout: 60_000 }).toEqual([]);
  await muster('resume', '@latest');
  const ended = JSON.parse(await muster('watch', '@latest', '--output-format', 'json')) as { census: object };
  expect(ended.census).toMatchObject({ completed: 2 });
  const kept = readFileSync(join(ground.home, 'temporal.db'), 'latin1');
  expect(kept).toContain('encryption-key-id');
});

/** The database with its log; the server writes them as they are, uncompressed. */
function bytesOf({ server }: Cluster): string {
  const files = readdirSync(server.data).map((file) => join(server.data, file));
  return files.map((file) => (existsSync(file) ? readFileSync(file, 'latin1') : '')).join('\n');
}
