import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, utimesSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DiskStore } from '../../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { ended, MusterGround, type Ran } from '../support/muster-process.ts';

interface Whole {
  id: string;
  status: string;
  reason?: string;
  census: Record<string, number>;
  total_cost_usd: number;
  results: { label: string; status: string; simulated?: boolean; reused_from?: string }[];
}
interface StreamEvent {
  seq: number;
  time: string;
  type: string;
  label?: string;
}

const FEW = `
name: few
targets: ['lib-*/']
eligible: test ! -f opted-out
task: { prompt: 'Look at \${{ target.name }}.' }
`;
const MIXED = `
name: mixed
tasks:
  - { label: good, prompt: 'good' }
  - { label: bad, prompt: 'bad [[simulate fault=refusal times=0]]' }
  - { label: after, prompt: 'after', dependsOn: [bad] }
`;
const SLOW = `
name: slow
maxConcurrentAgents: 2
tasks:
  - { label: a, prompt: 'a [[simulate turns=200 latency=200ms]]' }
  - { label: b, prompt: 'b [[simulate turns=200 latency=200ms]]' }
  - { label: c, prompt: 'c', dependsOn: [a] }
`;
const BRIEF = `
name: brief
tasks: [{ label: a, prompt: 'a [[simulate turns=2 latency=200ms]]' }]
`;
const POOR = `
name: poor
maxBudgetUsd: 0.05
tasks: [{ label: a, prompt: 'a [[simulate turns=5 tokens=2000]]' }]
`;
const CLASH = `
name: clash
tasks:
  - { label: first, prompt: 'x [[simulate edit=a.txt old="one" new="ONE"]]' }
  - { label: second, prompt: 'y [[simulate edit=a.txt old="one" new="UNO"]]' }
`;

const whole = ({ stdout }: Ran): Whole => JSON.parse(stdout) as Whole;

/** The real program, server, worker and simulated Claude in one home; each test has fleets of its own. */
describe('muster', () => {
  let ground: MusterGround;
  beforeAll(() => {
    ground = new MusterGround({ 'lib-a/x.js': '1', 'lib-b/x.js': '2', 'lib-c/opted-out': '' });
    for (const [name, text] of Object.entries({ few: FEW, mixed: MIXED, slow: SLOW, brief: BRIEF, poor: POOR }))
      ground.write(`${name}.yaml`, text);
    ground.write('repo/clash.yaml', CLASH);
    ground.write('repo/a.txt', 'one\ntwo\n');
    execFileSync('git', ['init', '-q', '-b', 'main', `${ground.directory}/repo`]);
    execFileSync('git', ['-C', `${ground.directory}/repo`, 'add', 'a.txt']);
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.test'];
    execFileSync('git', ['-C', `${ground.directory}/repo`, ...identity, 'commit', '-qm', 'one']);
  });
  afterAll(() => ground[Symbol.asyncDispose]());

  const start = async (file: string, ...flags: string[]): Promise<string> => {
    const ran = await ground.run(['run', file, '--simulate', '--fresh', '--detach', '--quiet', ...flags]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    return whole(ran).id;
  };

  it('runs a fleet to its end: one object on stdout, talk on stderr, exit 0 with a target left out', async () => {
    const ran = await ground.run(['run', 'few.yaml', '--simulate', '--output-format', 'json']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('3/3 ended: 2 completed, 1 skipped');
    const { census, results, status } = whole(ran);
    expect(status).toBe('completed');
    expect(census).toMatchObject({ completed: 2, skipped: 1, failed: 0, not_attempted: 0 });
    expect(results.map(({ label, simulated }) => [label, simulated])).toEqual([
      ['lib-a', true],
      ['lib-b', true],
      ['lib-c', true],
    ]);
  });

  it('takes results over from an earlier fleet, at no cost', async () => {
    const ran = await ground.run(['run', 'few.yaml', '--simulate', '--output-format', 'json']);
    const { total_cost_usd, results } = whole(ran);
    expect(total_cost_usd).toBe(0);
    expect(results.filter(({ reused_from }) => reused_from !== undefined)).toHaveLength(2);
  });

  it('streams events: numbered, every end after its start, the fleet last', async () => {
    const ran = await ground.run([
      'run',
      'mixed.yaml',
      '--simulate',
      '--fresh',
      '--output-format',
      'stream-json',
      '--quiet',
    ]);
    expect(ran).toMatchObject({ code: 3, stderr: '' });
    const events = ran.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as StreamEvent);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    for (const { time } of events) expect(new Date(time).toISOString()).toBe(time);
    expect([events[0]!.type, events.at(-1)!.type]).toEqual(['fleet_started', 'fleet_ended']);
    const at = (type: string, label: string): number =>
      events.findIndex((event) => event.type === type && event.label === label);
    for (const label of ['good', 'bad']) {
      expect(at('subagent_started', label)).toBeGreaterThan(0);
      expect(at('subagent_ended', label)).toBeGreaterThan(at('subagent_started', label));
    }
    expect(at('subagent_started', 'after')).toBe(-1);
    expect(at('subagent_ended', 'after')).toBeGreaterThan(0);
  });

  it('prints a summary with the kinds of failure, and retries one kind of an ended fleet under the same id', async () => {
    const ran = await ground.run(['run', 'mixed.yaml', '--simulate', '--fresh']);
    expect(ran.code).toBe(3);
    const id = /^(\w+) mixed: completed, simulated/.exec(ran.stdout)![1]!;
    const signature = /1 × Claude\.Refused: .*\[(\w{6})\] bad/.exec(ran.stdout)![1]!;
    expect(ran.stdout).toContain(`muster retry ${id} --failed`);
    expect(await ground.run(['retry', id, '--cluster', 'ffffff'])).toMatchObject({ code: 2 });
    const retried = await ground.run(['retry', id, '--cluster', signature, '--output-format', 'json']);
    expect(retried.code).toBe(0);
    expect(JSON.parse(retried.stdout)).toMatchObject({ id, generation: 2 });
    const watched = whole(await ground.run(['watch', id, '--output-format', 'json', '--quiet']));
    expect(watched.results.map(({ status }) => status)).toEqual(['completed', 'failed', 'skipped']);
  });

  it('starts one fleet when two come with one idempotency key, and finds it again later', async () => {
    const run = (): Promise<Ran> =>
      ground.run([
        'run',
        'few.yaml',
        '--simulate',
        '--idempotency-key',
        'pipeline-7',
        '--output-format',
        'json',
        '--quiet',
      ]);
    const [one, two] = await Promise.all([run(), run()]);
    expect([one.code, two.code]).toEqual([0, 0]);
    const later = await run();
    expect(new Set([whole(one).id, whole(two).id, whole(later).id]).size).toBe(1);
  });

  it('pauses for budget with exit 5 and goes on once it is raised', async () => {
    const ran = await ground.run(['run', 'poor.yaml', '--simulate', '--fresh', '--output-format', 'json', '--quiet']);
    expect(ran.code).toBe(5);
    const { id, status, reason, total_cost_usd } = whole(ran);
    expect({ status, reason }).toEqual({ status: 'paused', reason: 'budget_reached' });
    expect(total_cost_usd).toBeLessThanOrEqual(0.05);
    expect(await ground.run(['watch', id, '--quiet'])).toMatchObject({ code: 5 });
    expect(await ground.run(['set', id, '--budget', '3'])).toMatchObject({ code: 0, stdout: '' });
    expect(await ground.run(['watch', id, '--quiet'])).toMatchObject({ code: 0 });
  });

  it('leaves a fleet to itself when --wait is over, steers it, and cancels it with exit 7', async () => {
    const id = await start('slow.yaml');
    expect(await ground.run(['watch', id, '--wait', '1s', '--quiet'])).toMatchObject({ code: 8 });
    expect((await ground.run(['pause', id])).stderr).toContain(`${id} paused (user)`);
    expect((await ground.run(['resume', id])).stderr).toContain(`${id} running`);
    expect(await ground.run(['stop', id, 'aa'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean "a"?') as string,
    });
    const skipped = await ground.run(['skip', id, 'c', '--output-format', 'json']);
    expect(JSON.parse(skipped.stdout)).toMatchObject({ census: { skipped: 1 } });
    expect((await ground.run(['stop', id, 'c'])).stderr).toContain('c had ended already: skipped\n');
    expect((await ground.run(['cancel', id])).stderr).toContain(`${id} cancelled: 3/3 ended, 0 running`);
    expect(await ground.run(['watch', id, '--quiet'])).toMatchObject({ code: 7 });
    for (const steering of [['pause'], ['cancel'], ['stop', 'a'], ['set', '--budget', '9']])
      expect(await ground.run([steering[0]!, id, ...steering.slice(1)])).toMatchObject({ code: 2 });
  });

  it('goes on after Ctrl-C with exit 130 and after SIGTERM with 143; a second Ctrl-C cancels', async () => {
    const id = await start('slow.yaml');
    const interrupted = async (...signals: NodeJS.Signals[]): Promise<Ran> => {
      const child = ground.start(['watch', id]);
      const end = ended(child);
      await new Promise<void>((resolve) => child.stderr!.once('data', () => resolve())); // it watches
      child.kill(signals[0]);
      if (signals.length > 1) {
        await new Promise<void>((resolve) => child.stderr!.once('data', () => resolve())); // it has said so
        child.kill(signals[1]);
      }
      return end;
    };
    const once = await interrupted('SIGINT');
    expect(once).toMatchObject({ code: 130, stdout: '' });
    expect(once.stderr).toContain(`fleet goes on: \`muster watch ${id}\`, \`muster cancel ${id}\``);
    expect(await interrupted('SIGTERM')).toMatchObject({ code: 143, stdout: '' });
    const status = await ground.run(['status', id, '--output-format', 'json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ status: 'running' });
    const twice = await interrupted('SIGINT', 'SIGINT');
    expect(twice.code).toBe(7);
    expect(twice.stdout).toContain('cancelled');
  });

  it('tells of its end a fleet that had completed when a second Ctrl-C came to cancel it', async () => {
    const records = new FleetRecords(await DiskStore.open(`${ground.home}/artifacts`));
    const child = ground.start(['run', 'brief.yaml', '--simulate', '--fresh']);
    const end = ended(child);
    let talk = '';
    child.stderr!.on('data', (data: Buffer) => (talk += data.toString()));
    const said = async (pattern: RegExp): Promise<string> => {
      for (;;) {
        const found = pattern.exec(talk);
        if (found) return found[1]!;
        await once(child.stderr!, 'data');
      }
    };
    const id = await said(/^fleet (\S+): 1 subagent/m);
    child.kill('SIGINT');
    await said(/^fleet goes (on)/m);
    await expect.poll(() => records.summary(id), { timeout: 2_500, interval: 20 }).toBeDefined();
    child.kill('SIGINT');
    const ran = await end;
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('brief: completed');
    expect(ran.stderr).not.toContain('nothing was started');
  });

  it('assembles patches on a branch, lists conflicts with exit 3, and leaves the work tree alone', async () => {
    const run = await ground.run(['run', 'repo/clash.yaml', '--simulate', '--output-format', 'json', '--quiet']);
    const { id } = whole(run);
    const diff = await ground.run(['diff', id]);
    expect(diff.stdout.match(/^\+(ONE|UNO)$/gm)).toEqual(['+ONE', '+UNO']);
    expect((await ground.run(['diff', id, 'first'])).stdout).toMatch(/^diff --git a\/a\.txt b\/a\.txt\n[^]*\+ONE\n/);
    const applied = await ground.run(['apply', id]);
    expect(applied.code).toBe(3);
    expect(applied.stdout).toMatch(/1 applied\n {2}conflict second: .*a\.txt/);
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', `${ground.directory}/repo`, ...args]).toString();
    expect(git('show', `muster/${id}:a.txt`)).toBe('ONE\ntwo\n');
    expect(git('status', '--porcelain')).toBe('?? clash.yaml\n');
  });

  it('shows what a subagent did', async () => {
    const shown = await ground.run(['show', '@latest', 'first']);
    expect(shown.stdout).toMatch(/^first: completed, simulated\n/);
    expect(shown.stdout).toContain('Edit {"file_path":"a.txt"');
    const object = JSON.parse(
      (await ground.run(['show', '@latest', 'first', '--output-format', 'json'])).stdout,
    ) as object;
    expect(object).toMatchObject({
      label: 'first',
      messages: [{ role: 'user' }, { type: 'tool_call' }, { type: 'tool_result' }, { role: 'assistant' }],
    });
  });

  it('collects what ended fleets left, and nothing of an open one', async () => {
    const open = await start('slow.yaml');
    const snapshots = `${ground.home}/workspaces/snapshots`;
    const forgotten = readdirSync(snapshots);
    for (const name of forgotten) utimesSync(`${snapshots}/${name}`, 1e9, 1e9);
    const gone = await ground.run(['gc', '--older-than', '1ms', '--output-format', 'json']);
    const { fleets, bytes } = JSON.parse(gone.stdout) as { fleets: number; bytes: number };
    expect(fleets).toBeGreaterThan(3);
    expect(bytes).toBeGreaterThan(0);
    expect(forgotten.length).toBeGreaterThan(0);
    expect(readdirSync(snapshots)).toEqual([]);
    const list = JSON.parse((await ground.run(['list', '--output-format', 'json'])).stdout) as {
      id: string;
      status: string;
    }[];
    expect(list).toMatchObject([{ id: open, status: 'running' }]);
    expect(await ground.run(['cancel', open])).toMatchObject({ code: 0 });
  });
});
