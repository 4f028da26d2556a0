import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSimulatedClaude, type SimulatedClaude } from '../../client/simulated/server.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import { DockerEngine, missingForDocker } from '../support/docker-engine.ts';
import { ended, MusterGround } from '../support/muster-process.ts';
import { installedKinds, S3Server } from '../support/s3-server.ts';
import { freePort, TemporalServer } from '../support/temporal-server.ts';
import { ADDED_CALLS, profileWithout, WorkerContainer } from '../support/worker-container.ts';

const API_KEY = 'sk-ant-api03-key-of-a-test-of-the-image-Qb8sT4mW';

const missing = [
  ...(await missingForDocker()),
  ...(installedKinds().installed.length > 0 ? [] : ['an S3 server: minio or versitygw']),
];

interface ImageConfig {
  User: string;
  Labels: Record<string, string>;
  Entrypoint: string[];
  Healthcheck?: { Test: string[] };
  Env: string[];
}

describe.skipIf(missing.length > 0)(`the image${missing.length > 0 ? ` (skipped: ${missing.join(', ')})` : ''}`, () => {
  let engine: DockerEngine;
  let image: string;
  let temporal: TemporalServer;
  let s3: S3Server;
  let claude: SimulatedClaude;
  const containers: WorkerContainer[] = [];
  const ground = new MusterGround();

  beforeAll(async () => {
    engine = await DockerEngine.start();
    Object.assign(process.env, engine.environment);
    image = await engine.buildImage();
    [temporal, s3, claude] = await Promise.all([TemporalServer.start(), S3Server.start(), startSimulatedClaude()]);
  });

  afterAll(async () => {
    await Promise.all(containers.map((container) => container.remove()));
    await Promise.all([temporal?.stop(), s3?.stop(), claude?.close(), ground[Symbol.asyncDispose]()]);
    await engine?.[Symbol.asyncDispose]();
  });

  const environment = (): Record<string, string> => ({
    ...s3.environment,
    TEMPORAL_ADDRESS: temporal.address,
    MUSTER_ARTIFACTS: s3.url,
    ANTHROPIC_BASE_URL: claude.url,
    ANTHROPIC_API_KEY: API_KEY,
    MUSTER_ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
  });

  async function start(role: string): Promise<WorkerContainer> {
    const container = await WorkerContainer.start(image, role, await freePort(), environment());
    containers.push(container);
    return container;
  }

  it('serves a fleet in confined shells, read-only and as nobody special; one worker lost, one drained', async () => {
    const orchestrator = await start('orchestrator');
    const [lost, drained] = [await start('subagent'), await start('subagent')];
    expect(await drained.sh('id -u; touch /opt/muster/x 2>&1; grep CapEff /proc/self/status')).toMatch(
      /^10001\n.*Read-only file system\nCapEff:\t0+$/,
    );
    const [config] = JSON.parse(await engine.docker('image', 'inspect', image)) as [{ Config: ImageConfig }];
    expect(await drained.exitCodeOf(config.Config.Healthcheck!.Test.slice(1))).toBe(0);
    const tasks = Array.from({ length: 12 }, (_, i) => task(i));
    ground.write('tasks.json', JSON.stringify({ tasks }));
    const args = ['run', 'tasks.json', '--yes', '--concurrency', '12', '--output-format', 'json'];
    const running = ended(ground.start(args, { env: environment() }));
    await expect.poll(() => claude.stats().inFlight).toBeGreaterThan(8);
    await lost.kill();
    await expect.poll(() => claude.stats().calls, { timeout: 300_000 }).toBeGreaterThan(36);

    const { code, stdout, stderr } = await running;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const { results } = JSON.parse(stdout) as { results: Result[] };
    expect(results.map(({ status, changes }) => [status, changes?.files])).toEqual(
      tasks.map(({ label }) => ['completed', [`${label}.txt`]]),
    );
    expect(Math.max(...results.map(({ attempts }) => attempts))).toBeGreaterThan(1);
    const patch = await ground.run(['diff', '@latest', 'task-3'], { env: environment() });
    // The sandbox's own host name, user and process tree.
    expect(patch.stdout).toMatch(/^\+agent 1000 .*(bwrap|bash)/m);
    expect(await Promise.all([drained.drain(), orchestrator.drain()])).toEqual([0, 0]);
    const kept = globSync(join(temporal.data, '*')).map((file) => readFileSync(file, 'latin1'));
    expect(kept.join('')).toContain('encryption-key-id');
  });

  it.each(ADDED_CALLS)('needs what its seccomp profile adds: %s', async (call) => {
    const profile = `seccomp=${await engine.write(profileWithout(call))}`;
    await expect(sandbox(profile)).rejects.toThrow(/not permitted|No permissions/);
  });

  it('needs no more than that, and a whole /proc', async () => {
    const profile = `seccomp=${await engine.write(profileWithout())}`;
    expect(await sandbox(profile)).toBe('agent');
    await expect(sandbox(profile, [])).rejects.toThrow("Can't mount proc");
    // Namespaces beside a user namespace, as a shell that got out would want them.
    await expect(inside(profile, ['unshare', '--mount', 'true'])).rejects.toThrow('Operation not permitted');
    await expect(inside(profile, ['unshare', '--user', '--mount', 'true'])).rejects.toThrow('Operation not permitted');
  });

  it('makes the bucket of the compose file, once', async () => {
    const script = fileURLToPath(new URL('../../deploy/compose/make-bucket.mjs', import.meta.url));
    const env = { ...s3.environment, ENDPOINT: s3.endpoint, BUCKET: 'of-compose' };
    const given = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const make = ['run', '--rm', '--network', 'host', '--read-only', '-v', `${script}:/make-bucket.mjs:ro`, ...given];
    await engine.docker(...make, '--entrypoint', 'node', image, '/make-bucket.mjs');
    await engine.docker(...make, '--entrypoint', 'node', image, '/make-bucket.mjs');
    const client = s3.client();
    const { Buckets } = await client.send(new ListBucketsCommand()).finally(() => client.destroy());
    expect(Buckets?.map(({ Name }) => Name)).toContain('of-compose');
  });

  it('says what it is, holds one native part, and no secret', async () => {
    const [config] = JSON.parse(await engine.docker('image', 'inspect', image)) as [{ Config: ImageConfig }];
    const { User, Labels, Entrypoint, Healthcheck, Env } = config.Config;
    expect({ User, Entrypoint }).toEqual({ User: '10001:10001', Entrypoint: ['tini', '--', 'muster'] });
    expect(Labels).toMatchObject({ 'org.opencontainers.image.title': 'muster' });
    expect(Healthcheck?.Test).toContain('node');
    const history = await engine.docker('history', '--no-trunc', image);
    expect(`${history} ${Env.join(' ')}`).not.toMatch(/sk-ant|AWS_SECRET|_TOKEN=|PASSWORD/);
    const list =
      'ls /opt/muster/node_modules/@temporalio/core-bridge/releases | wc -l; ls /opt/muster/client /opt/muster/.git 2>&1';
    expect(await inside(undefined, ['sh', '-c', `${list}; muster --version`])).toMatch(
      /^1\n(.*No such file.*\n)+0\.1\.0$/,
    );
  });

  /** A sandbox as subagents have it, in a container of the image; resolves with its host name. */
  async function sandbox(profile: string, paths = ['--security-opt', 'systempaths=unconfined']): Promise<string> {
    const links = ['bin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]);
    const own = ['--unshare-all', '--unshare-user', '--uid', '1000', '--gid', '1000', '--hostname', 'agent'];
    const files = ['--ro-bind', '/usr', '/usr', ...links, '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'];
    return inside(profile, ['bwrap', ...own, ...files, '--remount-ro', '/', 'uname', '-n'], paths);
  }

  async function inside(profile: string | undefined, command: string[], more: string[] = []): Promise<string> {
    const hardened = ['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--read-only'];
    if (profile) hardened.push('--security-opt', profile);
    const [program, ...args] = command;
    return engine.docker(
      'run',
      '--rm',
      '--network',
      'none',
      ...hardened,
      ...more,
      '--entrypoint',
      program!,
      image,
      ...args,
    );
  }
});

/** Some turns of waiting, with one command of its shell among them. */
function task(i: number) {
  const label = `task-${(i + 1).toString()}`;
  const command = `echo $(uname -n) $(id -u) $(cat /proc/[0-9]*/comm) > ${label}.txt`;
  const input = JSON.stringify({ command });
  return {
    label,
    prompt: `[[simulate turns=4 latency=2s call=Bash input='${input}']]`,
    permissions: { allow: ['Read', 'Edit', 'Bash'] },
  };
}
