import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, inTurn, say } from '../../support/played-claude.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';
import { SPAWNS, toolResults, TreeWorld } from './tree-world.ts';

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

const done = (text: string, more = ''): string => `[[simulate turns=1 output="${text}"]] ${text} ${more}`;
const spawn = (tasks: Record<string, unknown>[], wait?: unknown) =>
  call('spawn_subagents', { tasks, ...(wait !== undefined && { wait }) });

describe('a parent', () => {
  it('spawns, parks, and is told what each of its subagents came to, in their order', async () => {
    const prompt = bench.played.play(
      'all',
      inTurn(
        [
          spawn([
            { label: 'one', prompt: done('first') },
            { prompt: done('second') },
            { label: 'bad', prompt: '[[simulate fault=refusal]] bad' },
          ]),
        ],
        [say('all seen')],
      ),
    );
    const world = await TreeWorld.start(bench, [{ prompt, label: 'boss' }]);
    expect(await world.dispatch()).toMatchObject({ kind: 'parked', reason: { for: 'spawn', seq: 1 } });
    expect(await world.run()).toMatchObject({ kind: 'ended', status: 'completed' });
    const [{ json } = { json: undefined }] = toolResults(bench, 'all');
    expect(json?.census).toEqual({
      ...{ completed: 2, failed: 1, timed_out: 0, budget_reached: 0, stopped: 0, skipped: 0, not_attempted: 0 },
      running: 0,
    });
    expect(json?.results).toMatchObject([
      { label: 'one', status: 'completed', output: 'first', num_turns: 1 },
      { label: 'task-2', status: 'completed', output: 'second' },
      { label: 'bad', status: 'failed', error: { type: 'Claude.Refused' } },
    ]);
    expect(await world.result('boss/one')).toMatchObject({ label: 'boss/one', parent: 'boss', output: 'first' });
    expect(await world.task('boss/task-2')).toMatchObject({
      depth: 1,
      parent: { index: 0, label: 'boss' },
      occurrenceOf: 'boss',
      permissions: { allow: ['Read', 'Edit(**)'] },
      timeoutMs: 1_800_000,
    });
  });

  it('sees the first as it arrives, and collects the others', async () => {
    const prompt = bench.played.play(
      'arrive',
      inTurn(
        [
          spawn(
            [
              { label: 'a', prompt: done('A') },
              { label: 'b', prompt: done('B') },
              { label: 'c', prompt: done('C') },
            ],
            'first',
          ),
        ],
        [call('collect_subagents', { wait: 1 })],
        [call('collect_subagents', { labels: ['c', 'boss/a'] })],
        [call('collect_subagents', {})],
        [say('done')],
      ),
    );
    const world = await TreeWorld.start(bench, [{ prompt, label: 'boss' }]);
    expect(await world.run()).toMatchObject({ status: 'completed' });
    const at = (turn: number) => toolResults(bench, 'arrive', turn)[0]!;
    expect(at(1).json.results).toMatchObject([
      { label: 'a', output: 'A' },
      { label: 'b', status: 'running' },
      { status: 'running' },
    ]);
    expect(at(1).json.census).toMatchObject({ completed: 1, running: 2 });
    expect(at(2).json.results).toMatchObject([
      { label: 'b', output: 'B' },
      { label: 'c', status: 'running' },
    ]);
    expect(at(3).json.results).toMatchObject([
      { label: 'c', output: 'C' },
      { label: 'a', output: 'A' },
    ]);
    expect(at(4)).toMatchObject({ isError: true, text: expect.stringContaining('nothing to collect') as string });
  });

  it('has its other tools of the turn run first, once, and all answered in the order of the calls', async () => {
    const prompt = bench.played.play(
      'mixed',
      inTurn(
        [
          spawn([{ label: 'reader', prompt: '[[simulate call=Read input=\'{"file_path":"new.txt"}\']] look' }]),
          call('Write', { file_path: 'new.txt', content: 'made before\n' }),
          call('Read', { file_path: 'src/a.txt' }),
          spawn([{ label: 'second', prompt: done('two') }]),
        ],
        [say('done')],
      ),
    );
    const world = await TreeWorld.start(bench, [{ prompt, label: 'boss' }]);
    expect(await world.run()).toMatchObject({ status: 'completed' });
    const results = toolResults(bench, 'mixed');
    expect(results.map(({ text }) => text.slice(0, 9))).toEqual([
      '{"census"',
      'Created n',
      expect.any(String),
      '{"census"',
    ]);
    expect(results[2]!.text).toContain('alpha');
    expect(world.admissions).toHaveLength(1);
    // The workspace of those it spawned holds what it had changed by then.
    expect(await bench.transcript(await world.result('boss/reader'))).toContain('made before');
    expect((await world.fleet.result()).changes).toMatchObject({ files: ['new.txt'] });
    expect((await world.result('boss/reader')).changes).toBeUndefined();
  });

  it('is told what is wrong with its tasks, all of it, and nothing is spawned', async () => {
    const prompt = bench.played.play(
      'wrong',
      inTurn(
        [
          spawn([
            { label: 'x', promt: 'a' },
            { prompt: 'b', permissions: 'full', depends_on: ['y'] },
          ]),
        ],
        [say('given up')],
      ),
    );
    const world = await TreeWorld.start(bench, [{ prompt }]);
    expect(await world.dispatch()).toMatchObject({ kind: 'ended', status: 'completed' });
    const { text, isError } = toolResults(bench, 'wrong')[0]!;
    expect(isError).toBe(true);
    expect(text).toContain('task 1 (x): `promt` is no key; write `prompt`');
    expect(text).toContain('GRANT_INVALID): Edit, Bash');
    expect(text).toContain('unknown task "y"');
  });

  it('that was not granted it is refused, which is a denial', async () => {
    const prompt = bench.played.play(
      'denied',
      inTurn([spawn([{ prompt: 'x' }]), call('read_result', { label: 'x' })], [say('alone')]),
    );
    const world = await TreeWorld.start(bench, [{ prompt, permissions: { ...SPAWNS, allow: ['Read'] } }]);
    await world.run();
    expect(toolResults(bench, 'denied').every(({ text, isError }) => isError && text.includes('NOT_GRANTED'))).toBe(
      true,
    );
    expect((await world.fleet.result()).permission_denials).toMatchObject([
      { tool: 'read_result', reason: 'NOT_GRANTED' },
      { tool: 'spawn_subagents', reason: 'NOT_GRANTED' },
    ]);
  });

  it('whose request does not fit the tree is told the limit, and goes on', async () => {
    const tasks = [{ prompt: done('r1') }, { prompt: done('r2') }, { prompt: done('r3') }];
    const prompt = bench.played.play('refused', inTurn([spawn(tasks)], [spawn(tasks.slice(0, 2))], [say('two it is')]));
    const world = await TreeWorld.start(bench, [{ prompt }], { maxTotalAgents: 2 });
    expect(await world.run()).toMatchObject({ status: 'completed' });
    const [refused] = toolResults(bench, 'refused', 1);
    expect(refused).toMatchObject({ isError: true });
    expect(refused!.text).toMatch(/2 subagents in all and 2 are left, so 3 more do not fit \(--max-agents\)/);
    expect(toolResults(bench, 'refused', 2)[0]!.json.census).toMatchObject({ completed: 2 });
  });

  it('reads a long output in pages', async () => {
    const long = 'x'.repeat(60_000);
    const child = bench.played.play('long-child', () => [say(long)]);
    const prompt = bench.played.play(
      'pages',
      inTurn(
        [
          spawn([
            { label: 'long', prompt: child },
            { label: 'short', prompt: done('s') },
          ]),
        ],
        [
          call('read_result', { label: 'long', offset: 59_990 }),
          call('read_result', { label: 'lung' }),
          call('read_result', { label: 'long' }),
        ],
        [say('read')],
      ),
    );
    const world = await TreeWorld.start(bench, [{ prompt }]);
    await world.run();
    const [answer] = toolResults(bench, 'pages', 1);
    expect(answer!.text.length).toBeLessThanOrEqual(40_000);
    expect(answer!.json.results).toMatchObject([
      { label: 'long', output_chars: 60_000 },
      { label: 'short', output: 's' },
    ]);
    const [end, unknown, start] = toolResults(bench, 'pages', 2);
    expect(end!.text).toBe(`${'x'.repeat(10)}\n\n(Characters 59990 to 60000 of 60000: the end.)`);
    expect(unknown).toMatchObject({ isError: true, text: 'There is no subagent "lung". Did you mean "long"?' });
    expect(start!.text).toMatch(/x\n\n\(Characters 0 to 20000 of 60000: go on with offset 20000\.\)$/);
  });

  it('gives its subagents directories that are there, and has those that are not told', async () => {
    const prompt = bench.played.play(
      'places',
      inTurn(
        [spawn([{ prompt: done('never'), working_directory: 'scr' }])],
        [
          spawn([
            {
              label: 'in',
              prompt: '[[simulate call=Read input=\'{"file_path":"a.txt"}\']] in src',
              working_directory: 'src',
            },
          ]),
        ],
        [say('done')],
      ),
    );
    const world = await TreeWorld.start(bench, [{ prompt, label: 'p' }]);
    await world.run();
    expect(toolResults(bench, 'places', 1)[0]).toMatchObject({
      isError: true,
      text: expect.stringContaining('there is no directory "scr"') as string,
    });
    expect(await bench.transcript(await world.result('p/in'))).toContain('alpha');
  });

  it('gives dependents what they wait for, by labels of one list', async () => {
    const prompt = bench.played.play(
      'deps',
      inTurn(
        [
          spawn([
            { label: 'sum', prompt: '[[simulate turns=1]] sum up', depends_on: ['left'] },
            { label: 'left', prompt: done('LEFT-PART') },
          ]),
        ],
        [say('done')],
      ),
    );
    const world = await TreeWorld.start(bench, [{ prompt, label: 'p' }]);
    await world.run();
    expect(await bench.transcript(await world.result('p/sum'))).toContain('LEFT-PART');
  });

  it('may be spawned itself, so deep and no deeper', async () => {
    const grandchild = bench.played.play('grandchild', inTurn([spawn([{ prompt: 'x' }])], [say('no deeper')]));
    const child = bench.played.play(
      'child',
      inTurn(
        [spawn([{ label: 'g', prompt: grandchild, permissions: { allow: ['spawn_subagents'] } }])],
        [say('child done')],
      ),
    );
    const prompt = bench.played.play(
      'root',
      inTurn([spawn([{ label: 'c', prompt: child, permissions: { allow: ['spawn_subagents'] } }])], [say('root done')]),
    );
    const world = await TreeWorld.start(bench, [{ prompt, label: 'r' }], { maxDepth: 2 });
    expect(await world.run()).toMatchObject({ status: 'completed' });
    expect(await world.result('r/c/g')).toMatchObject({ parent: 'r/c', output: 'no deeper' });
    expect(toolResults(bench, 'grandchild')[0]).toMatchObject({
      isError: true,
      text: expect.stringContaining('depth 2 of at most 2') as string,
    });
  });
});
