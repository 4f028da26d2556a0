import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sandboxes } from '../../../activities/sandbox/sandbox.ts';
import type { Task } from '../../../workflows/contract/task.schema.ts';
import { bash, call, inTurn, say } from '../../support/played-claude.ts';
import { ownSleep, processesOf, within } from '../../support/processes.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

const verify = (run: string, name = 'check', timeoutMs = 20_000): Task['verify'] => [{ name, run, timeoutMs }];
const write = (content: string) => call('Write', { file_path: 'src/new.txt', content });
const patchOf = async (patch: string): Promise<string> => Buffer.from(await bench.parts.store.get(patch)).toString();

describe('a subagent whose work is verified', () => {
  it('is completed when every check passes, and what the checks write is no change of its', async () => {
    const prompt = bench.played.play('passes', inTurn([write('good')], [say('done')]));
    const checks = [
      { name: 'content', run: 'grep -q good src/new.txt && touch src/made-by-a-check', timeoutMs: 20_000 },
      { name: 'sees', run: 'test -e src/made-by-a-check; echo "in $PWD"', timeoutMs: 20_000 },
    ];
    const fleet = await bench.fleet([{ prompt, verify: checks }]);
    await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({
      status: 'completed',
      output: 'done',
      verify: [
        { name: 'content', ok: true, exit_code: 0 },
        { name: 'sees', ok: true, exit_code: 0 },
      ],
      changes: { files: ['src/new.txt'] },
    });
    expect(result.verify![0]!.duration_ms).toBeGreaterThanOrEqual(0);
  });

  it('is told the end of what a failing check printed, and mends it', async () => {
    const prompt = bench.played.play('mends', inTurn([write('bad')], [say('done')], [write('good')], [say('mended')]));
    const run =
      'touch src/report.xml; cat src/new.txt; grep -q good src/new.txt || { echo "expected good" >&2; exit 3; }';
    const fleet = await bench.fleet([{ prompt, verify: verify(run) }]);
    await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({ status: 'completed', output: 'mended', num_turns: 4, verify: [{ ok: true }] });
    const told = bench.played.toldAt('mends')[2]!;
    expect(told).toContain('exit_code=\\"3\\"');
    expect(told).toContain('expected good');
    // What the first check left behind is not in what the second round saved.
    expect(result.changes!.files).toEqual(['src/new.txt']);
    expect(await patchOf(result.changes!.patch)).toContain('+good');
  });

  it('fails after two rounds of repair, with the whole log kept', async () => {
    const prompt = bench.played.play('fails', inTurn([write('bad')], [say('done')]));
    const run = 'seq 1 3000; printf "\\033[31mno good\\033[0m\\n"; exit 1';
    const fleet = await bench.fleet([{ prompt, verify: verify(run, 'tests') }]);
    await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({
      status: 'failed',
      error: { type: 'Verify.Failed', message: '1 of 1 checks failed: tests (exit code 1)' },
      verify: [{ name: 'tests', ok: false, exit_code: 1 }],
      changes: { files: ['src/new.txt'] },
      num_turns: 4, // one with a tool, and three that said it was done
    });
    const [{ tail, log }] = result.verify as [NonNullable<typeof result.verify>[number]];
    expect(tail).toMatch(/no good\n$/);
    expect(tail!.length).toBeLessThan(4_100);
    expect(await patchOf(log!)).toMatch(/^1\n2\n3\n/);
  });

  it('starts afresh on a stronger model when its repairs did not help, from the files it began with', async () => {
    const prompt = bench.played.play('escalates', ({ request }) => {
      const isSecond = request.body.model === 'claude-opus-5-5';
      const hasWritten = JSON.stringify(request.body.messages).includes('"Write"');
      if (hasWritten) return [say('done')];
      return [isSecond ? call('Write', { file_path: 'src/second.txt', content: 'good' }) : write('bad')];
    });
    const run = 'test -e src/second.txt && test ! -e src/new.txt';
    const retry = { maxAttempts: 2, escalate: ['claude-opus-5-5'] };
    const fleet = await bench.fleet([{ prompt, verify: verify(run), retry }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({
      status: 'completed',
      model: 'claude-opus-5-5',
      changes: { files: ['src/second.txt'] },
    });
    const first = bench.played.turns.get('escalates')!.find(({ request }) => request.body.model === 'claude-opus-5-5')!;
    expect(JSON.stringify(first.request.body.messages)).toContain('1 of 1 checks failed');
  });

  it('is held to its schema and its checks alike', async () => {
    const outputSchema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const prompt = bench.played.play(
      'both',
      inTurn([call('StructuredOutput', { n: 1 })], [write('good')], [call('StructuredOutput', { n: 2 })]),
    );
    const fleet = await bench.fleet([{ prompt, outputSchema, verify: verify('test -e src/new.txt') }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed', structured_output: { n: 2 }, num_turns: 3 });
  });

  it('has its environment in the checks, and no network', async () => {
    const prompt = bench.played.play('env', inTurn([say('done')]));
    const run = 'test "$MODE" = fast && ! (exec 3<>/dev/tcp/127.0.0.1/$PORT)';
    const env = { MODE: 'fast', PORT: bench.claude.port.toString() };
    const fleet = await bench.fleet([{ prompt, env, verify: verify(run) }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed' });
  });

  it('fails when a check takes longer than its own timeout', async () => {
    const prompt = bench.played.play('slow', inTurn([say('done')]));
    const fleet = await bench.fleet([{ prompt, verify: verify('echo begun; sleep 60', 'slow', 200) }]);
    await fleet.run();
    const { status, verify: verified } = await fleet.result();
    expect({ status, ...verified![0] }).toMatchObject({ status: 'failed', exit_code: null, ok: false });
    expect(verified![0]!.tail).toMatch(/begun[^]*longer than its timeout/);
  });

  it('ends as timed out when its own time ends in a check, with its report', async () => {
    const prompt = bench.played.play('late', inTurn([write('x')], [say('the report')]));
    const fleet = await bench.fleet([{ prompt, verify: verify('sleep 60'), timeoutMs: 1_500 }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({
      status: 'timed_out',
      output: 'the report',
      changes: { files: ['src/new.txt'] },
    });
  });

  it('shows no secret of the worker in what a check printed', async () => {
    const prompt = bench.played.play('secret', inTurn([say('done')]));
    const fleet = await bench.fleet([{ prompt, verify: verify(`echo ghp_${'a'.repeat(36)}; exit 1`) }]);
    await fleet.run();
    const result = await fleet.result();
    expect(result.verify![0]!.tail).toContain('[hidden]');
    expect(JSON.stringify(result) + (await bench.transcript(result))).not.toContain('ghp_');
  });
});

describe('a verification', () => {
  it('that a worker was taken from runs again, without another call of the model', async () => {
    const prompt = bench.played.play('again', inTurn([write('good')], [say('done')]));
    const fleet = await bench.fleet([{ prompt, verify: verify('test -e src/new.txt && sleep 1') }]);
    const back = new AbortController();
    const running = fleet.run(0, { back: back.signal });
    await within(20_000, async () => (await recordOf(fleet))?.isVerifying === true);
    back.abort();
    expect(await running).toMatchObject({ kind: 'parked', reason: { for: 'drain' } });
    const { answered } = bench.claude.stats();
    await fleet.run(0, { epoch: 2 });
    expect(await fleet.result()).toMatchObject({ status: 'completed', attempts: 2, verify: [{ ok: true }] });
    expect(bench.claude.stats().answered).toBe(answered);
  });

  it('whose worker is killed dies with it, and runs again on the files as they were', async () => {
    const mark = ownSleep();
    const run = `test ! -e src/left && touch src/left && { sleep ${mark} || true; }`;
    const prompt = bench.played.play('killed', inTurn([write('good')], [say('done')]));
    const fleet = await bench.fleet([{ prompt, verify: verify(run) }]);
    const worker = fleet.runElsewhere();
    await within(20_000, () => processesOf('sleep', mark).length === 1);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    await within(2_000, () => processesOf('sleep', mark).length === 0);
    const { answered } = bench.claude.stats();
    const running = fleet.run(0, { attempt: 2 });
    await within(20_000, () => processesOf('sleep', mark).length === 1); // nothing was left of the first
    process.kill(processesOf('sleep', mark)[0]!);
    await running;
    const result = await fleet.result();
    expect(result).toMatchObject({
      status: 'completed',
      num_turns: 2,
      attempts: 2,
      changes: { files: ['src/new.txt'] },
    });
    expect(bench.claude.stats().answered).toBe(answered);
  });

  it('is never run outside a sandbox', async () => {
    const outside = join(bench.directory, 'ran-outside');
    await writeFile(outside, 'untouched');
    const prompt = bench.played.play('refused', inTurn([say('done')]));
    const { sandboxes } = bench.parts;
    bench.parts.sandboxes = refusing(sandboxes);
    try {
      const retry = { maxAttempts: 3, escalate: [] };
      const fleet = await bench.fleet([{ prompt, verify: verify(`echo touched > ${outside}`), retry }]);
      await fleet.run();
      const { status, error, num_turns } = await fleet.result();
      expect({ status, num_turns, type: error?.type }).toEqual({
        status: 'failed',
        num_turns: 1,
        type: 'Verify.Failed',
      });
      expect(error!.message).toContain('no user namespaces here');
      expect(await readFile(outside, 'utf8')).toBe('untouched');
    } finally {
      bench.parts.sandboxes = sandboxes;
    }
  });

  it('may be of a subagent that cannot write itself', async () => {
    const prompt = bench.played.play('reader', inTurn([bash('true')], [say('done')]));
    const permissions = { allow: ['Read'], deny: [], mode: 'dontAsk' as const };
    const fleet = await bench.fleet([{ prompt, permissions, verify: verify('touch made && test -e src/a.txt') }]);
    await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({ status: 'completed', permission_denials: [{ tool: 'Bash' }] });
    expect(result.changes).toBeUndefined();
  });
});

/** Sandboxes of a host where none starts. */
function refusing(real: Sandboxes): Sandboxes {
  const refuse = (): Promise<never> =>
    Promise.reject(Object.assign(new Error('no user namespaces here'), { name: 'SandboxUnavailable' }));
  return { ...real, create: () => ({ run: refuse, runApart: refuse, close: () => Promise.resolve() }) };
}

async function recordOf(fleet: { fleetId: string }) {
  return (await bench.parts.records.subagent(fleet.fleetId, 0, 1))?.record;
}
