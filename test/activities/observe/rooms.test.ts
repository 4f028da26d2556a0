import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArtifactStore } from '../../../activities/artifacts/store.ts';
import { createMetrics } from '../../../activities/observe/prometheus.ts';
import { NO_TRACES } from '../../../activities/observe/traces.ts';
import { watchedSandboxes } from '../../../activities/observe/watched-sandboxes.ts';
import { watchedStore } from '../../../activities/observe/watched-store.ts';
import { watchedTools } from '../../../activities/observe/watched-tools.ts';
import { createWorkspaces } from '../../../activities/workspace/workspaces.ts';
import { settleSubagents } from '../../../activities/subagent/settle-subagents.ts';
import type { WorkspaceSource } from '../../../workflows/contract/task.schema.ts';
import { bash, call, inTurn, say } from '../../support/played-claude.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';

/** What the rooms tell when subagents run, with real tools, sandboxes, workspaces and a real store. */
const registry = new Registry();
let bench: SubagentBench;
beforeAll(async () => {
  bench = await SubagentBench.start();
  const metrics = createMetrics(registry);
  const { parts } = bench;
  Object.assign(parts, {
    metrics,
    tools: watchedTools(parts.tools, { metrics, traces: NO_TRACES }),
    sandboxes: watchedSandboxes(parts.sandboxes, metrics),
  });
});
afterAll(() => bench[Symbol.asyncDispose]());

async function value(series: string): Promise<number> {
  const line = (await registry.metrics()).split('\n').find((text) => text.startsWith(`${series} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}
/** By how much a series grows while something is done. */
async function growth(series: string, work: () => Promise<unknown>): Promise<number> {
  const before = await value(series);
  await work();
  return (await value(series)) - before;
}

describe('a subagent', () => {
  it('counts as ended once, however often it is asked for', async () => {
    const fleet = await bench.fleet([{ prompt: bench.played.play('ends', inTurn([say('done')])) }]);
    const ends = 'fleet_subagents{status="completed"}';
    expect(await growth(ends, () => fleet.run())).toBe(1);
    expect(await growth(ends, () => fleet.run(0, { attempt: 2 }))).toBe(0);
    expect(await growth(ends, () => fleet.run(0, { epoch: 2 }))).toBe(0);
  });

  it('that takes over an earlier result is a hit, and ends here', async () => {
    const task = { prompt: bench.played.play('reused', inTurn([say('once')])) };
    const [first, second] = [await bench.fleet([task]), await bench.fleet([task])];
    expect(await growth('fleet_reuse_requests_total{result="miss"}', () => first.run())).toBe(1);
    const ends = () => growth('fleet_subagents{status="completed"}', () => second.run());
    expect(await growth('fleet_reuse_requests_total{result="hit"}', async () => expect(await ends()).toBe(1))).toBe(1);
  });

  it('counts its checks that fail, its commands, and leaves no sandbox open', async () => {
    const prompt = bench.played.play('checked', inTurn([bash('echo hi > src/x')], [say('done')]));
    const verify = [{ name: 'named-after-a-repository', run: 'exit 3', timeoutMs: 20_000 }];
    const permissions = { allow: ['Read', 'Edit(**)', 'Bash'], deny: [], mode: 'dontAsk' as const };
    const fleet = await bench.fleet([{ prompt, verify, permissions, maxTurns: 2 }]);
    const commands = () => growth('fleet_sandbox_command_duration_seconds_count{ended_by="exit"}', () => fleet.run());
    expect(await growth('fleet_verify_failures_total', async () => expect(await commands()).toBe(2))).toBe(1);
    expect(await value('fleet_subagents{status="failed"}')).toBe(1);
    expect(await value('fleet_sandboxes')).toBe(0);
    expect(await registry.metrics()).not.toContain('named-after-a-repository');
  });

  it('counts tools that were refused apart from those that failed', async () => {
    const asked = [call('Write', { file_path: '/etc/passwd', content: 'x' }), call('Read', { file_path: 'src/none' })];
    const prompt = bench.played.play('refused', inTurn(asked, [say('done')]));
    const fleet = await bench.fleet([{ prompt }]);
    const failed = () => growth('fleet_tool_duration_seconds_count{tool="Read",outcome="error"}', () => fleet.run());
    const denied = 'fleet_tool_duration_seconds_count{tool="Write",outcome="denied"}';
    expect(await growth(denied, async () => expect(await failed()).toBe(1))).toBe(1);
  });

  it('that Temporal gave up ends where it is settled', async () => {
    const fleet = await bench.fleet([{ prompt: bench.played.play('settled', inTurn([say('done')])) }]);
    const end = { status: 'timed_out', type: 'Subagent.TimedOut', message: 'too long' } as const;
    const units = [{ index: 0, generation: 1, epoch: 1 }];
    const settle = () => settleSubagents(bench.parts, { fleetId: fleet.fleetId, manifest: fleet.manifest, units, end });
    expect(await growth('fleet_subagents{status="timed_out"}', settle)).toBe(1);
    expect(await growth('fleet_subagents{status="timed_out"}', settle)).toBe(0);
  });
});

describe('a checkout of a remote', () => {
  it('is timed when it is fetched, and not when it is here', async () => {
    const remote = join(bench.directory, 'remote');
    mkdirSync(remote);
    writeFileSync(join(remote, 'a.txt'), 'a');
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: remote });
    git('init', '--quiet');
    git('add', 'a.txt');
    git('commit', '--quiet', '-m', 'a');
    const metrics = bench.parts.metrics;
    const directory = join(bench.directory, 'other-workspaces');
    const workspaces = createWorkspaces({ directory, store: bench.parts.store, onFetched: (ms) => metrics.cloned(ms) });
    const open = async (owner: string) => {
      const source: WorkspaceSource = {
        tree: '',
        bundle: null,
        subdirectory: '',
        origin: remote,
        repo: { url: `file://${remote}` },
      };
      const signal = AbortSignal.timeout(60_000);
      await (await workspaces.open(source, { mayWrite: false, owner, patch: null, signal })).close();
    };
    const fetched = 'fleet_git_clone_duration_seconds_count';
    expect(await growth(fetched, () => open('one'))).toBe(1);
    expect(await growth(fetched, () => open('two'))).toBe(0);
    await workspaces.sweep();
  });
});

describe('the store', () => {
  it('is timed by operation and outcome, and does all that it did', async () => {
    const { store } = bench.parts;
    const watched: ArtifactStore = watchedStore(store, bench.parts.metrics);
    const count = (operation: string, outcome: string) =>
      `fleet_store_duration_seconds_count{operation="${operation}",outcome="${outcome}"}`;
    const ref = await watched.put(Buffer.from('some bytes'));
    expect(Buffer.from(await watched.get(ref)).toString()).toBe('some bytes');
    await watched.writeRecord('watched/record', { a: 1 }, 0);
    const race = () => expect(watched.writeRecord('watched/record', { a: 2 }, 0)).rejects.toThrow();
    expect(await growth(count('write_record', 'conflict'), race)).toBe(1);
    const missing = () => expect(watched.get(`sha256:${'0'.repeat(64)}`)).rejects.toThrow();
    expect(await growth(count('get', 'missing'), missing)).toBe(1);
    expect(await value(count('put', 'ok'))).toBe(1);
    expect(await Array.fromAsync(watched.listRecords('watched/'))).toEqual(['watched/record']);
    // Whatever the store learns to do later must be passed on, too.
    const methods = (of: object): string[] => Object.getOwnPropertyNames(Object.getPrototypeOf(of) as object);
    const own = methods(store).filter((name) => name !== 'constructor' && name in watched === false);
    expect(own).toEqual([]);
  });
});
