import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MusterGround, type Ran } from '../support/muster-process.ts';
import { installedKinds, S3Server } from '../support/s3-server.ts';

const { installed } = installedKinds();
const skipped = installed.length > 0 ? '' : ' (skipped: no S3 server is installed, minio or versitygw)';

const FLEET = `
name: clash
tasks:
  - { label: first, prompt: 'x [[simulate edit=a.txt old="one" new="ONE"]]' }
  - { label: second, prompt: 'y [[simulate edit=b.txt old="one" new="UNO"]]' }
`;

/** The real program whose whole store is a bucket: what it starts finds the way by itself. */
describe.skipIf(installed.length === 0)(`a fleet whose artifacts lie in S3${skipped}`, () => {
  let server: S3Server;
  let ground: MusterGround;
  let id: string;
  const muster = (...args: string[]): Promise<Ran> =>
    ground.run(args, { env: { ...server.environment, MUSTER_ARTIFACTS: server.url } });

  beforeAll(async () => {
    server = await S3Server.start();
    ground = new MusterGround({ 'repo/a.txt': 'one\ntwo\n', 'repo/b.txt': 'one\n', 'repo/fleet.yaml': FLEET });
    const repo = join(ground.directory, 'repo');
    const git = (...args: string[]): Buffer => execFileSync('git', ['-C', repo, ...args]);
    git('init', '-q', '-b', 'main');
    git('add', 'a.txt', 'b.txt');
    git('-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', 'commit', '-q', '-m', 'first');
    const ran = await muster('run', 'repo/fleet.yaml', '--simulate', '--output-format', 'json', '--quiet');
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
    ({ id } = JSON.parse(ran.stdout) as { id: string });
  });
  afterAll(async () => {
    await ground[Symbol.asyncDispose]();
    await server.stop();
  });

  it('is shown, told, applied and done again as from a disk, with nothing on the disk', async () => {
    const status = await muster('status', id, '--output-format', 'json');
    expect(JSON.parse(status.stdout)).toMatchObject({ id, status: 'completed', census: { completed: 2 } });
    expect((await muster('show', id, 'first')).stdout).toContain('Edit {"file_path":"a.txt"');
    expect((await muster('diff', id)).stdout.match(/^\+(ONE|UNO)$/gm)).toEqual(['+ONE', '+UNO']);
    const lines = (await muster('results', id, '--format', 'jsonl')).stdout.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { label: string }).label)).toEqual(['first', 'second']);
    expect((await muster('apply', id)).code).toBe(0);
    const repo = join(ground.directory, 'repo');
    expect(execFileSync('git', ['-C', repo, 'show', `muster/${id}:b.txt`]).toString()).toBe('UNO\n');
    const again = await muster('run', 'repo/fleet.yaml', '--simulate', '--output-format', 'json', '--quiet');
    const { results } = JSON.parse(again.stdout) as { results: { reused_from?: string }[] };
    expect(results.map(({ reused_from: from }) => from?.split('/')[0])).toEqual([id, id]);
    expect(existsSync(join(ground.home, 'artifacts'))).toBe(false);
  });

  it('is forgotten by gc, and what it alone named with it', async () => {
    const kept = await muster('gc', '--older-than', '1h', '--output-format', 'json');
    expect(JSON.parse(kept.stdout)).toEqual({ fleets: 0, blobs: 0, bytes: 0 });
    expect((await muster('show', id, 'first')).code).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // the second ended just now
    const gone = await muster('gc', '--older-than', '1s', '--output-format', 'json');
    expect(JSON.parse(gone.stdout)).toMatchObject({ fleets: 2 });
    expect((await muster('show', id, 'first')).code).toBe(2);
  });

  it('leaves its worker to nobody who keeps artifacts elsewhere', async () => {
    const flags = ['--simulate', '--fresh', '--output-format', 'json', '--quiet'];
    const ran = await ground.run(['run', 'repo/fleet.yaml', ...flags]);
    expect(JSON.parse(ran.stdout)).toMatchObject({ status: 'completed', census: { completed: 2 } });
    expect(existsSync(join(ground.home, 'artifacts'))).toBe(true);
  });

  it('tells in one line when the bucket cannot be used', async () => {
    const env = { ...server.environment, MUSTER_ARTIFACTS: server.url.replace('//muster/', '//nowhere/') };
    const ran = await ground.run(['list'], { env });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/^error: s3:\/\/nowhere\/store: there is no such bucket\n/);
  });
});
