import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FinishedFleet } from '../../client/demo/fleet-run.ts';
import type { Outcome, Totals } from '../../client/demo/outcomes.ts';
import { bubblewrap } from '../../client/local/doctor/sandbox-checks.ts';
import { listWorkers } from '../../client/local/worker.ts';
import { startSimulatedClaude } from '../../client/simulated/server.ts';
import { findSessionLeaders } from '../../client/local/process-identity.ts';

const BINARY = process.env['MUSTER_TEMPORAL_BINARY'];
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Report {
  fleet: Omit<FinishedFleet, 'results'>;
  totals: Totals;
  repositories: Outcome[];
}

let home: string;

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Claude's API as far as the demo can tell. */
async function endpoint(): Promise<AsyncDisposable & { url: string; calls: () => number }> {
  const claude = await startSimulatedClaude({ latency: 0 });
  return { url: claude.url, calls: () => claude.stats().calls, [Symbol.asyncDispose]: () => claude.close() };
}

/** As a stranger starts it: no credential, no terminal. */
async function run(file: string, args: readonly string[], more: Record<string, string> = {}): Promise<Ended> {
  const kept = Object.entries(process.env).filter(([key]) => !/^(ANTHROPIC|TEMPORAL)_/.test(key));
  const env = { ...Object.fromEntries(kept), MUSTER_HOME: home, NO_COLOR: '1', ...more };
  const child = spawn(process.execPath, [join(ROOT, file), ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}

const demo = (args: readonly string[] = [], more: Record<string, string> = {}): Promise<Ended> =>
  run('client/demo/main.ts', args, more);

const report = async (): Promise<Report> =>
  JSON.parse(await readFile(join(home, 'demo', 'report.json'), 'utf8')) as Report;

const hasSandbox = (await bubblewrap()).status === 'ok';

const running = (): number => findSessionLeaders({ MUSTER_HOME: home }).length;

describe.skipIf(!BINARY)('the demo (needs a Temporal server: MUSTER_TEMPORAL_BINARY)', () => {
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'muster-demo-'));
  });
  afterAll(async () => {
    await run('client/cli/main.ts', ['down']);
    await rm(home, { recursive: true, force: true });
  });

  it('runs a fleet over 40 repositories and more, migrates, has every change verified and leaves nothing running', async () => {
    const { code, stdout, stderr } = await demo();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('Simulated Claude, for ANTHROPIC_API_KEY is not set');
    const { fleet, totals, repositories } = await report();
    expect(fleet.census.completed).toBeGreaterThanOrEqual(40);
    expect(repositories).toHaveLength(fleet.census.completed);
    expect(totals.uses).toBeGreaterThan(totals.migratable);
    expect(totals.migratable).toBeGreaterThanOrEqual(totals.migrated);
    expect(totals.migrated).toBeGreaterThan(0);
    expect(totals.changed).toBeGreaterThan(0);
    expect(totals).toMatchObject({ broken: 0, reused: 0, unverified: 0 });
    if (hasSandbox) {
      expect(totals.verified).toBe(repositories.filter(({ verification }) => verification).length);
      expect(totals.tested).toBeGreaterThan(0);
      expect(stdout).toMatch(
        /^verified +\d+ repositories in the sandbox: each changed file parsed; tests of their own/m,
      );
    } else expect(stdout).toMatch(/^verified +not in a sandbox/m);
    expect(fleet.total_cost_usd).toBeGreaterThan(0);
    for (const { label } of repositories) expect(stdout).toMatch(new RegExp(`^${label} +\\d+ +\\d+ +\\d+ +\\d+ `, 'm'));
    expect(stdout).toMatch(/^census +\d+ completed · 0 failed$/m);
    expect(await readFile(join(home, 'demo', 'report.md'), 'utf8')).toContain(`Fleet \`${fleet.id}\``);
    expect(running()).toBe(0);
    expect((await readdir(join(home, 'demo'))).filter((name) => name.startsWith('.scratch'))).toEqual([]);

    const [, id, label] = /^a diff +npx muster diff (\S+) (\S+)$/m.exec(stdout) ?? [];
    const diff = await run('client/cli/main.ts', ['diff', id ?? '', label ?? '']);
    expect(diff.code).toBe(0);
    expect(diff.stdout).toMatch(/^-.*substr/m);
    expect(running()).toBe(0);
  });

  it('takes every result of a second run from the first, and leaves alone what ran before it', async () => {
    expect((await run('client/cli/main.ts', ['up', '--simulate'])).code).toBe(0);
    const before = running();
    expect(before).toBeGreaterThan(0);
    const [worker] = listWorkers(home);
    const { code, stdout, stderr } = await demo();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('made before');
    const { fleet, totals, repositories } = await report();
    expect(totals).toMatchObject({ reused: repositories.length, costUsd: 0, broken: 0 });
    expect(fleet.total_cost_usd).toBe(0);
    expect(totals.migrated).toBeGreaterThan(0);
    expect(stdout).toContain(`all ${repositories.length} results come from an earlier run`);
    expect(running()).toBe(before);
    // It had to make room for one that shows more in its sandboxes, and is back as it was.
    const [again, ...others] = listWorkers(home);
    expect(others).toEqual([]);
    expect(again?.state).toMatchObject({ isKept: true, operator: worker!.state.operator });
    expect((await run('client/cli/main.ts', ['down'])).code).toBe(0);
    expect(running()).toBe(0);
  });

  it('with a credential and nobody to ask says what it would cost, and starts nothing', async () => {
    const { code, stdout, stderr } = await demo([], { ANTHROPIC_API_KEY: 'sk-not-a-real-key' });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/Real Claude: 45 subagents on claude-\S+, budget \$\d+\.\d\d, worst case \$\d+\.\d\d\./);
    expect(stderr).toContain('give --yes');
    expect(running()).toBe(0);
  });

  it('with a credential and --yes works with the Claude it is given, for money, and without a sandbox says so', async () => {
    await using claude = await endpoint();
    const access = { ANTHROPIC_API_KEY: 'sk-of-a-stranger', ANTHROPIC_BASE_URL: claude.url, MUSTER_SANDBOX: 'none' };
    const { code, stdout, stderr } = await demo(['--yes', '--repositories', '3', '--fresh'], access);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('Real Claude: 3 subagents on claude-');
    expect(stderr + stdout).not.toMatch(/simulated/i);
    expect(stdout).toMatch(/^cost +\$\d+\.\d+$/m);
    expect(stderr).toContain('nothing is verified in a sandbox: the operator says `sandbox: none`');
    expect(stdout).toMatch(/^verified +not in a sandbox \(.*\); changed files were parsed on this machine$/m);
    expect(claude.calls()).toBeGreaterThanOrEqual(6);
    const { fleet } = await report();
    expect(fleet.census.completed).toBe(3);
    expect(running()).toBe(0);
  });

  it('refuses what it does not know before it does anything', async () => {
    const { code, stderr } = await demo(['--repositorys', '5'], { MUSTER_HOME: join(home, 'untouched') });
    expect(code).toBe(2);
    expect(stderr).toContain("Unknown option '--repositorys'");
    expect(existsSync(join(home, 'untouched'))).toBe(false);
  });
});
