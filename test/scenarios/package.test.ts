import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
/** A Node older than 24, where the machine has one. */
const OLD_NODE = '/usr/bin/node';

/** Written as a user would; the compiler reads it too, for which one line must not be right. */
const PROGRAM = `
import { Muster, type Result } from 'muster';

await using muster = await Muster.open({ simulate: true });
const tasks = [{ label: 'a', prompt: 'Look' }, { label: 'b', prompt: 'Look', depends_on: ['a'] }];
const fleet = await muster.start({ tasks }, { budgetUsd: 1 });
const arrived: Result[] = [];
for await (const result of fleet.results()) arrived.push(result);
const { view } = await fleet.wait();
const simulated = arrived.map((result) => result.simulated);
// @ts-expect-error: there is no such option
const { message } = await muster.start({ tasks }, { budget: 1 }).catch((error: Error) => error) as Error;
console.log(JSON.stringify({ arrived: arrived.map(({ label }) => label), status: view.status, simulated, message }));
`;

let directory: string;
let muster: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-package-'));
  const home = join(directory, 'user');
  const prefix = join(directory, 'prefix');
  await mkdir(join(directory, 'work'), { recursive: true });
  await mkdir(home);
  // The cache of packages is the machine's; everything else starts empty.
  const cache = (await run('npm', ['config', 'get', 'cache'])).stdout.trim();
  env = {
    ...process.env,
    ANTHROPIC_API_KEY: '',
    ANTHROPIC_AUTH_TOKEN: '',
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    HOME: home,
    XDG_CACHE_HOME: join(home, '.cache'),
    npm_config_cache: cache,
    npm_config_registry: (await run('npm', ['config', 'get', 'registry'])).stdout.trim(),
    MUSTER_TEMPORAL_BINARY: process.env['MUSTER_TEMPORAL_BINARY'],
  };
  const packed = await run('npm', ['pack', '--json', '--pack-destination', directory], { cwd: CHECKOUT });
  expect(packed.stderr).not.toContain('npm error');
  const tarball = (await readdir(directory)).find((name) => name.endsWith('.tgz'))!;
  const args = ['install', '--global', '--prefix', prefix, '--no-audit', '--no-fund', join(directory, tarball)];
  await run('npm', args, { env, cwd: directory });
  muster = join(prefix, 'bin/muster');
}, 240_000);

afterAll(async () => {
  if (muster) await run(muster, ['down'], { env, cwd: join(directory, 'work') }).catch(() => undefined);
  await rm(directory, { recursive: true, force: true });
});

describe('the installed package', () => {
  it('holds its built files and no test', async () => {
    const root = join(directory, 'prefix/lib/node_modules/muster');
    expect(existsSync(join(root, 'dist/workflow-bundle.js'))).toBe(true);
    expect((await readdir(root)).sort()).toEqual(['README.md', 'bin', 'dist', 'node_modules', 'package.json']);
    const sources = (await readdir(join(root, 'dist'), { recursive: true })).filter((name) =>
      /(?<!\.d)\.ts$/.test(name),
    );
    expect(sources).toEqual([]);
  });

  it('runs a fleet to its end', async () => {
    const work = join(directory, 'work');
    await writeFile(
      join(work, 'fleet.yaml'),
      'name: installed\ntasks:\n  - { label: a, prompt: Look around }\n  - { label: b, prompt: Look again, dependsOn: [a] }\n',
    );
    const { stdout } = await run(muster, ['run', '--simulate', 'fleet.yaml', '--output-format', 'json'], {
      env,
      cwd: work,
    });
    const ended = JSON.parse(stdout) as { status: string; census: { completed: number }; results: unknown[] };
    expect(ended).toMatchObject({ status: 'completed', census: { completed: 2 } });
    expect(ended.results.length).toBe(2);
    expect(existsSync(join(work, '.muster'))).toBe(true);
  }, 120_000);

  it('holds its templates, and runs one that is a script', async () => {
    const work = join(directory, 'work');
    await run(muster, ['init', '--template', 'generate'], { env, cwd: work });
    const ran = await run(muster, ['run', '--simulate', 'generate.js', '--output-format', 'json'], { env, cwd: work });
    expect(JSON.parse(ran.stdout)).toMatchObject({ status: 'completed', result: { file: 'GETTING-STARTED.md' } });
  }, 120_000);

  it('is a library for programs, with its types', async () => {
    const program = join(directory, 'program');
    await mkdir(join(program, 'node_modules'), { recursive: true });
    await symlink(join(directory, 'prefix/lib/node_modules/muster'), join(program, 'node_modules/muster'));
    await symlink(join(CHECKOUT, 'node_modules/@types'), join(program, 'node_modules/@types'));
    await writeFile(join(program, 'package.json'), '{ "type": "module" }');
    await writeFile(join(program, 'program.ts'), PROGRAM);
    const tsc = join(CHECKOUT, 'node_modules/typescript/bin/tsc');
    const flags = ['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,esnext.disposable', '--strict'];
    const more = ['--noEmit', '--skipLibCheck', '--types', 'node', 'program.ts'];
    const checked = run(process.execPath, [tsc, ...flags, ...more], { cwd: program });
    await expect(checked.catch(({ stdout }: { stdout: string }) => stdout)).resolves.toMatchObject({ stdout: '' });
    const { stdout } = await run(process.execPath, ['program.ts'], { env, cwd: program });
    expect(JSON.parse(stdout)).toEqual({
      ...{ arrived: ['a', 'b'], status: 'completed', simulated: [true, true] },
      message: expect.stringContaining('options: there is no budget'),
    });
    await run(muster, ['down'], { env, cwd: program });
  }, 120_000);

  it.skipIf(!existsSync(OLD_NODE))('says one sentence under a Node it does not support', async () => {
    const { stdout: version } = await run(OLD_NODE, ['--version']);
    if (Number(version.slice(1).split('.')[0]) >= 24) return expect(version).toMatch(/^v/);
    const failed = await run(OLD_NODE, [muster, '--version'], { env }).catch(
      (error: { code: number; stderr: string }) => error,
    );
    expect(failed).toMatchObject({ code: 1 });
    expect(failed.stderr.trim().split('\n').length).toBe(1);
    expect(failed.stderr).toMatch(/needs Node 24 or newer/);
  });
});
