import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MusterGround, type Ran } from '../support/muster-process.ts';

interface Whole {
  id: string;
  status: string;
  reason?: string;
  result?: unknown;
  error?: { type: string; message: string; line: number; column: number };
  approvals?: { kind: string; title: string; hash: string }[];
  census: Record<string, number>;
  results: { label: string; parent?: string; status: string }[];
}
interface Line {
  seq: number;
  type: string;
  label?: string;
  message?: string;
  cursor?: string;
}

const SCAN = `export const meta = { name: 'scan', description: 'Looks at three things', phases: [{ title: 'Scan' }] };
phase('Scan');
log('three things to look at');
const seen = await parallel(['a', 'b', 'c'].map((name) => () => agent('Look at ' + name, { label: 'look ' + name })));
log(seen.length + ' were looked at');
return { seen: seen.filter((text) => text !== null).length, first: args.first };
`;
const ASKS = `export const meta = { name: 'asks', description: 'Asks before it goes on' };
await agent('Look at a', { label: 'before' });
await approve('look at b too?');
await agent('Look at b', { label: 'after' });
throw new TypeError('that was all');
`;
const WAVES = `name: waves
tasks:
  - { label: a, prompt: 'a' }
  - { label: b, prompt: 'b [[simulate fault=refusal times=0]]' }
  - { label: c, prompt: 'c' }
rollout: { waves: [1, 100%], gate: { approval: true } }
`;

let ground: MusterGround;
beforeAll(() => {
  const files = { 'a/a.txt': 'one\n', 'b/b.txt': 'two\n', 'c/c.txt': 'three\n' };
  ground = new MusterGround({ ...files, 'scan.js': SCAN, 'asks.js': ASKS, 'waves.yaml': WAVES });
});
afterAll(() => ground[Symbol.asyncDispose]());

const simulated = (...args: string[]): Promise<Ran> => ground.run([...args, '--simulate']);
const whole = ({ stdout }: Ran): Whole => JSON.parse(stdout) as Whole;
const lines = ({ stdout }: Ran): Line[] =>
  stdout.split('\n').flatMap((line) => (line ? [JSON.parse(line) as Line] : []));

describe('a script on the command line', () => {
  it('prints what it returned', async () => {
    const ran = await simulated('run', 'scan.js', '--args', '{"first":7}', '--output-format', 'json');
    expect(ran.code).toBe(0);
    expect(whole(ran)).toMatchObject({ status: 'completed', result: { seen: 3, first: 7 }, census: { completed: 3 } });
    expect(whole(ran).results.map(({ label }) => label)).toEqual(['look a', 'look b', 'look c']);
    const text = await ground.run(['watch', whole(ran).id]);
    expect(text.stdout).toContain('"seen": 3');
    expect(text.stderr).toMatch(/^phase: Scan$/m);
    expect(text.stderr).toMatch(/^three things to look at$/m);
  });

  it('streams its lines among the results, and goes on behind any of them', async () => {
    const stream = ['watch', '@latest', '--output-format', 'stream-json'];
    const all = lines(await ground.run(stream));
    expect(all.filter(({ type }) => type === 'log').map(({ message }) => message)).toEqual([
      'phase: Scan',
      'three things to look at',
      '3 were looked at',
    ]);
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => i + 1));
    const words = ({ seq, type, label, message }: Line): unknown => [seq, type, label, message];
    for (const at of [
      all.findIndex(({ type }) => type === 'log'),
      all.findIndex(({ type }) => type === 'subagent_ended'),
    ]) {
      const rest = await ground.run([...stream, '--cursor', all[at]!.cursor!]);
      expect(rest.code).toBe(0);
      expect(lines(rest).map(words)).toEqual(all.slice(at + 1).map(words));
    }
    expect((await ground.run([...stream, '--cursor', 'nonsense'])).code).toBe(2);
  });

  it('waits for a person, who says yes to what was shown, and ends with what it threw', async () => {
    const asks = await simulated('run', 'asks.js', '--output-format', 'json');
    expect(asks.code).toBe(6);
    const { id, approvals } = whole(asks);
    expect(approvals).toMatchObject([{ kind: 'script', title: 'look at b too?' }]);
    const other = await ground.run(['approve', id, '--hash', 'another']);
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining(`muster approve ${id}`)]);
    const status = await ground.run(['status', id]);
    expect(status.stdout).toMatch(/asks +look at b too\?/);
    const approved = await ground.run(['approve', id, '--hash', approvals![0]!.hash]);
    expect([approved.code, approved.stderr]).toEqual([0, expect.stringContaining('look at b too?')]);
    const ended = await ground.run(['watch', id, '--output-format', 'json']);
    expect(ended.code).toBe(3);
    expect(whole(ended)).toMatchObject({
      ...{ status: 'failed', census: { completed: 2 } },
      error: { type: 'Script.Threw', message: expect.stringContaining('that was all') as string, line: 5 },
    });
    const again = await ground.run(['approve', id]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('has ended')]);
  });
});

describe('a plan with waves on the command line', () => {
  it('shows the figures at the gate, goes on when it is approved, and retries one kind of failure', async () => {
    const scouts = await simulated('run', 'waves.yaml');
    expect(scouts.code).toBe(6);
    expect(scouts.stdout).toContain('muster approve');
    expect(scouts.stderr).toMatch(/next .*2 targets/);
    expect((await ground.run(['status', '@latest'])).stdout).toMatch(/wave +1 of 2/);
    expect((await ground.run(['approve', '@latest'])).code).toBe(0);
    const ended = await ground.run(['watch', '@latest', '--output-format', 'json']);
    expect([ended.code, whole(ended).census]).toEqual([3, expect.objectContaining({ completed: 2, failed: 1 })]);
    const status = await ground.run(['status', '@latest', '--output-format', 'json']);
    const { failures } = JSON.parse(status.stdout) as { failures: { signature: string; labels: string[] }[] };
    expect(failures).toMatchObject([{ labels: ['b'], count: 1 }]);
    const retried = await ground.run(['retry', '@latest', '--failed', '--cluster', failures[0]!.signature]);
    expect([retried.code, retried.stderr]).toEqual([0, expect.stringContaining('running')]);
    expect((await ground.run(['watch', '@latest'])).code).toBe(3);
  });

  it('ends as cancelled when it is rejected', async () => {
    expect((await simulated('run', 'waves.yaml', '--fresh')).code).toBe(6);
    expect((await ground.run(['reject', '@latest'])).code).toBe(0);
    const ended = await ground.run(['watch', '@latest', '--output-format', 'json']);
    expect([ended.code, whole(ended).status]).toEqual([7, 'cancelled']);
    expect(whole(ended).census['not_attempted']).toBe(2);
  });
});

describe('a prompt on the command line', () => {
  it('prints what the parent said last, and those it spawned behind it', async () => {
    const ran = await simulated('run', '--prompt', 'Look at the directories and report', '--output-format', 'json');
    expect(ran.code).toBe(0);
    const { result, results } = whole(ran);
    expect(result).toContain('I spawned 3 subagents');
    expect(results.map(({ label, parent }) => [label, parent])).toEqual([
      ['parent', undefined],
      ...['a', 'b', 'c'].map((name) => [`parent/${name}`, 'parent']),
    ]);
    expect((await ground.run(['show', '@latest', 'parent/b'])).stdout).toContain('completed');
  });
});
