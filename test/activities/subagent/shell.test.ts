import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Grant } from '../../../workflows/contract/task.schema.ts';
import { bash, call, inTurn, say } from '../../support/played-claude.ts';
import { ownSleep, processesOf, within } from '../../support/processes.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

const grant = (allow: string[], more: Partial<Grant> = {}): Grant => ({ allow, deny: [], mode: 'dontAsk', ...more });
const SHELL = grant(['Read', 'Edit', 'Bash']);
const patchOf = async (patch: string): Promise<string> => Buffer.from(await bench.parts.store.get(patch)).toString();

describe('a subagent with a shell', () => {
  it('keeps what its commands changed, and its shell from call to call', async () => {
    const prompt = bench.played.play(
      'keeps',
      inTurn([bash('cd src; X=one')], [bash('echo "$X" > b.txt; cat a.txt')], [say('done')]),
    );
    const fleet = await bench.fleet([{ prompt, permissions: SHELL }]);
    await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({ status: 'completed', changes: { files: ['src/b.txt'] }, permission_denials: [] });
    expect(await patchOf(result.changes!.patch)).toContain('+one');
    expect(bench.played.toldAt('keeps')[2]).toContain('alpha');
  });

  it('has every change outside its grant taken out of the patch and listed once', async () => {
    const commands = 'echo x > src/in.txt; echo x > out.txt; mkdir -p .github; echo x > .github/ci.yml';
    const prompt = bench.played.play('outside', inTurn([bash(commands)], [bash('echo y >> out.txt')], [say('done')]));
    const fleet = await bench.fleet([
      { prompt, permissions: grant(['Read', 'Edit(src/*.txt)', 'Edit(*.md)', 'Bash']) },
    ]);
    await fleet.run();
    const { changes, permission_denials, guards } = await fleet.result();
    expect(changes!.files).toEqual(['src/in.txt']);
    const listed = permission_denials.map(
      ({ tool, input, reason }) => `${tool} ${String(input['file_path'])} ${reason}`,
    );
    expect(listed.filter((line) => line.includes('out.txt'))).toEqual(['Bash out.txt NOT_GRANTED']);
    expect(guards).toContainEqual(expect.objectContaining({ guard: 'outside_scope', file: 'out.txt' }));
  });

  it('sees nothing of files that are denied to it', async () => {
    const workspace = await bench.source({ 'a/.env': 'canary-1', 'b/secret.pem': 'canary-2', 'c/open.txt': 'open' });
    const prompt = bench.played.play('hidden', inTurn([bash('cat a/.env b/*.pem c/*; ls -R .')], [say('done')]));
    const permissions = grant(['Read', 'Bash'], { deny: ['Read(**/.env)', 'Read(*.pem)'] });
    await (await bench.fleet([{ prompt, workspace, permissions }])).run();
    const told = bench.played.toldAt('hidden')[1]!;
    expect(told).not.toContain('canary');
    expect(told).toContain('open');
  });

  it('changes nothing in plan mode, and still looks around', async () => {
    const prompt = bench.played.play(
      'plan',
      inTurn([bash('cat src/a.txt')], [bash('cp src/a.txt copy')], [say('plan')]),
    );
    const fleet = await bench.fleet([{ prompt, permissions: grant(['Read', 'Edit', 'Bash'], { mode: 'plan' }) }]);
    await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({
      status: 'completed',
      output: 'plan',
      permission_denials: [{ reason: 'PLAN_MODE' }],
    });
    expect(result.changes).toBeUndefined();
    expect(bench.played.toldAt('plan')[1]).toContain('alpha');
  });

  it('has its variables and no other', async () => {
    const prompt = bench.played.play('variables', inTurn([bash('echo "mode=$MODE"; env')], [say('done')]));
    await (await bench.fleet([{ prompt, permissions: SHELL, env: { MODE: 'fast' } }])).run();
    const told = bench.played.toldAt('variables')[1]!;
    expect(told).toContain('mode=fast');
    expect(told).not.toMatch(/ANTHROPIC|MUSTER|sk-ant/);
  });

  it('reaches a host it was granted through the broker alone, and is told of what it may not reach', async () => {
    const commands =
      'curl -sS -m 5 http://not-granted.example/ ; curl -sS -m 5 --noproxy "*" http://127.0.0.1:$PORT/; true';
    const prompt = bench.played.play('network', inTurn([bash(commands)], [say('done')]));
    const permissions = grant(['Read', 'Bash', 'WebFetch(domain:granted.example)']);
    const env = { PORT: bench.claude.port.toString() };
    const { calls } = bench.claude.stats();
    const fleet = await bench.fleet([{ prompt, permissions, env }]);
    await fleet.run();
    expect((await fleet.result()).permission_denials).toEqual([
      {
        tool: 'Bash',
        input: { host: expect.stringContaining('not-granted.example') as string },
        reason: 'HOST_DENIED',
      },
    ]);
    expect(bench.claude.stats().calls - calls).toBe(2); // the two of its turns
  });
});

describe('a command under way', () => {
  it('when its subagent is wanted back is gone within two seconds, with all it started', async () => {
    const mark = ownSleep();
    const tree = `sleep ${mark} & (setsid sleep ${mark} &) ; nohup sleep ${mark} & sleep ${mark}`;
    const prompt = bench.played.play('tree', inTurn([bash(tree)], [say('done')]));
    const fleet = await bench.fleet([{ prompt, permissions: SHELL }]);
    const back = new AbortController();
    const running = fleet.run(0, { back: back.signal });
    await within(20_000, () => processesOf('sleep', mark).length === 4);
    const abortedAt = performance.now();
    back.abort();
    expect(await running).toMatchObject({ kind: 'parked', reason: { for: 'drain' } });
    expect(performance.now() - abortedAt).toBeLessThan(2_000);
    expect(processesOf('sleep', mark)).toEqual([]);
  });

  it('leaves nothing half done: it runs again from the files of the turn before, in a new shell that says so', async () => {
    const half = 'echo half >> src/half.txt; test -e src/first.txt && sleep "${WAIT:-0}"; echo whole >> src/half.txt';
    const prompt = bench.played.play(
      'half',
      inTurn([bash('echo 1 > src/first.txt; WAIT=60')], [call('Glob', { pattern: '*' }), bash(half)], [say('done')]),
    );
    const fleet = await bench.fleet([{ prompt, permissions: SHELL }]);
    const back = new AbortController();
    const running = fleet.run(0, { back: back.signal });
    await within(20_000, () => filesNamed('half.txt').length > 0);
    back.abort();
    await running;
    expect(filesNamed('half.txt')).toEqual([]); // the workspace is gone
    await fleet.run(0, { epoch: 2 });
    const result = await fleet.result();
    expect(result).toMatchObject({ status: 'completed', attempts: 2 });
    expect(await patchOf(result.changes!.patch)).toMatch(/half\.txt\n@@ -0,0 \+1,2 @@\n\+half\n\+whole\n/);
    expect(bench.played.toldAt('half')[2]).toContain('new shell');
    expect(bench.played.toldAt('half')[1]).not.toContain('new shell');
  });

  it('of a worker that is killed dies with it, and is run once more from the files of the turn before', async () => {
    const mark = ownSleep();
    const half = `echo half >> src/half.txt; test -e src/begun || { sleep ${mark} & sleep ${mark}; }; echo whole >> src/half.txt`;
    const prompt = bench.played.play('killed', inTurn([bash('echo 1 > src/one.txt')], [bash(half)], [say('done')]));
    const fleet = await bench.fleet([{ prompt, permissions: SHELL, env: {} }]);
    const worker = fleet.runElsewhere();
    await within(20_000, () => processesOf('sleep', mark).length === 2);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    await within(2_000, () => processesOf('sleep', mark).length === 0);
    const back = new AbortController();
    const running = fleet.run(0, { attempt: 2, back: back.signal });
    await within(20_000, () => processesOf('sleep', mark).length === 2);
    back.abort();
    await running;
    // The answer in flight died with its worker: it is asked for once more, and booked as rework.
    expect(bench.played.turns.get('killed')!.length).toBe(3);
    const { record } = (await bench.parts.records.subagent(fleet.fleetId, 0, 1))!;
    expect(record).toMatchObject({ turns: 2, attempts: 2 });
    expect(record.reworkMicroUsd).toBeGreaterThan(0);
    await bench.parts.workspaces.sweep();
    expect(filesNamed('half.txt')).toEqual([]);
  });

  it('is broken off when time is up, and what it had changed is in the report’s patch', async () => {
    const prompt = bench.played.play('broken', ({ request, number }) => {
      const told = JSON.stringify(request.body.messages.at(-1));
      if (told.includes('Your time is up')) return [say(told.includes('x') ? 'the report' : '')];
      return number === 1 ? [bash('echo partly > src/partly.txt; sleep 60'), bash('echo never')] : [say('early')];
    });
    const fleet = await bench.fleet([{ prompt, permissions: SHELL, timeoutMs: 2_500 }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({
      status: 'timed_out',
      output: 'the report',
      changes: { files: ['src/partly.txt'] },
    });
    const results = JSON.stringify(bench.played.turns.get('broken')!.at(-1)!.request.body.messages);
    expect(results).toMatch(/Broken off.*Not run: your time is up/);
  });
});

/** Where the workspaces of the bench hold such a file. */
function filesNamed(name: string): string[] {
  const owners = join(bench.directory, 'workspaces/owners');
  if (!existsSync(owners)) return [];
  return readdirSync(owners, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith(`/src/${name}`));
}
