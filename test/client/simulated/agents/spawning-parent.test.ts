import { describe, expect, it } from 'vitest';
import { partsOf } from '../../../../client/simulated/agents/parts-of-work.ts';
import { readDirection } from '../../../../client/simulated/direction.ts';
import { GRANTED, playedRoot, runParent, type ParentRun } from './parent-run.ts';

const FILES = ['README.md', 'src/a.ts', 'src/b.ts', 'test/a.test.ts', 'docs/guide.md'];

interface AskedTask {
  label: string;
  prompt: string;
  permissions?: unknown;
  working_directory?: string;
}
const names = ({ turns }: ParentRun): string[] => turns.flat().map(({ name }) => name);
const tasksOf = ({ turns }: ParentRun, nth = 0): AskedTask[] =>
  turns.flat().filter(({ name }) => name === 'spawn_subagents')[nth]!.input['tasks'] as AskedTask[];
const directed = (prompt: string): Promise<ParentRun> => runParent([prompt], playedRoot());

describe('a parent that was told it may spawn', () => {
  it('looks around, gives each directory to a subagent, awaits the first and then the rest, and sums up', async () => {
    const run = await runParent([GRANTED, 'Review this project.'], playedRoot(FILES));
    expect(names(run)).toEqual(['Glob', 'Read', 'Read', 'spawn_subagents', 'collect_subagents']);
    expect(tasksOf(run)).toMatchObject([
      { label: 'src', working_directory: 'src', permissions: 'read-only' },
      { label: 'docs', working_directory: 'docs' },
      { label: 'test', working_directory: 'test' },
    ]);
    for (const { prompt } of tasksOf(run)) expect(prompt).toMatch(/^> Review this project\.\n\nYour part of it: /);
    expect(run.output).toMatch(
      /^\[simulated\] I spawned 3 subagents: 3 completed\.\n- parent\/src \(completed\): src is fine\.\n/,
    );
  });

  it('writes what came together to the file it is asked for, which its children leave alone', async () => {
    const run = await runParent([GRANTED, 'Review it, and write a report to `REPORT.md`.'], playedRoot(FILES));
    expect(names(run).slice(-2)).toEqual(['collect_subagents', 'Write']);
    expect(run.turns.flat().at(-1)!.input).toMatchObject({
      file_path: 'REPORT.md',
      content: expect.stringContaining('- parent/src (completed): src is fine.') as string,
    });
    const child = await runParent([tasksOf(run)[0]!.prompt], playedRoot(FILES));
    expect(names(child)).toEqual(['Glob', 'Read', 'Read']);
  });

  it('does the same each time, and its children spawn nothing', async () => {
    const [one, two] = await Promise.all([0, 1].map(() => runParent([GRANTED, 'Review.'], playedRoot(FILES))));
    expect(one).toEqual(two);
    const child = await runParent([tasksOf(one!)[0]!.prompt], playedRoot(FILES));
    expect(names(child)).toEqual(['Glob', 'Read', 'Read']);
  });

  it('hands over the structured output it is asked for', async () => {
    const schema =
      '<output_schema>{"type":"object","required":["ok"],"properties":{"ok":{"type":"boolean"}}}</output_schema>';
    const run = await runParent([schema, GRANTED, 'Review this project.'], playedRoot(FILES));
    expect(names(run).slice(-3)).toEqual(['spawn_subagents', 'collect_subagents', 'StructuredOutput']);
    expect(JSON.parse(run.output)).toMatchObject({ ok: expect.any(Boolean) as boolean });
  });

  it('works alone once it is refused, and asks no second time', async () => {
    const run = await runParent([GRANTED, 'Review.'], (call, nth) => {
      if (call.name === 'spawn_subagents') throw new Error('Denied (NOT_GRANTED): your permissions do not include it.');
      return playedRoot(FILES)(call, nth);
    });
    expect(names(run)).toEqual(['Glob', 'Read', 'Read', 'spawn_subagents']);
    expect(run.output).toMatch(/I may spawn no subagents \(Denied \(NOT_GRANTED\).*so I worked alone\. I read /s);
  });

  it('does what its prompt directs and no more', async () => {
    const run = await runParent([GRANTED, 'x [[simulate write=a.txt content=b]]'], playedRoot(FILES));
    expect(names(run)).toEqual(['Write']);
  });
});

describe('a parent that is directed', () => {
  it('spawns as many as it is told, in one call, before its steps', async () => {
    const run = await directed('x [[simulate spawn=3 label=job prompt="do {n} as {label}" write=a.txt output=done]]');
    expect(names(run)).toEqual(['spawn_subagents', 'Write']);
    expect(tasksOf(run)).toEqual([1, 2, 3].map((n) => ({ label: `job-${n}`, prompt: `do ${n} as job-${n}` })));
    expect(run.output).toBe('done');
  });

  it('awaits the first few and collects the rest one by one', async () => {
    const run = await directed('x [[simulate spawn=5 wait=2 collect=each]]');
    expect(run.turns.flat().map(({ name, input }) => [name, input['wait']])).toEqual([
      ['spawn_subagents', 2],
      ['collect_subagents', 'first'],
      ['collect_subagents', 'first'],
      ['collect_subagents', 'first'],
    ]);
    expect(run.output).toContain('I spawned 5 subagents: 5 completed.');
  });

  it('ends without awaiting them where it is told so', async () => {
    const run = await directed('x [[simulate spawn=2 wait=first collect=none]]');
    expect(names(run)).toEqual(['spawn_subagents']);
    expect(run.output).toContain('I spawned 2 subagents: 1 completed, 1 running.');
  });

  it('decides in stages: a second spawn follows the results of the first', async () => {
    const run = await directed('x [[simulate spawn=2 label=a]] [[simulate spawn=1 label=b wait=first]]');
    expect(tasksOf(run, 1)).toMatchObject([{ label: 'b-1' }]);
    expect(run.turns.map((calls) => calls.length)).toEqual([1, 1, 0]);
  });

  it('spawns down to a depth and no deeper', async () => {
    let prompt = 'x [[simulate spawn=2 depth=3 label="a b" prompt="say \\"{n}\\"\\n[[simulate turns=1]]"]]';
    const depths: number[] = [];
    for (let at = prompt; at.includes('spawn='); at = prompt) {
      const run = await directed(at);
      depths.push(tasksOf(run).length);
      const [first] = tasksOf(run);
      expect(first).toMatchObject(
        first!.prompt.includes('spawn=') ? { permissions: { allow: ['spawn_subagents'] } } : {},
      );
      prompt = first!.prompt;
    }
    expect(depths).toEqual([2, 2, 2]);
    expect(prompt).toBe('say "1"\n[[simulate turns=1]]');
    expect(readDirection(prompt).direction).toMatchObject({ turns: 1, spawns: [] });
  });

  it.each(['key', 'permissions', 'cycle', 'schema'])(
    'makes the fault %s, reads the error and mends it',
    async (slip) => {
      const root = playedRoot();
      const run = await runParent([`x [[simulate spawn=2 slip=${slip}]]`], (call, nth) => {
        if (nth === 1) throw new Error('nothing was spawned: mend it');
        return root(call, nth);
      });
      expect(names(run)).toEqual(['spawn_subagents', 'spawn_subagents']);
      expect(tasksOf(run, 0)).not.toEqual(tasksOf(run, 1));
      expect(run.output).toContain('2 completed');
    },
  );

  it('pages through a long output', async () => {
    const root = playedRoot();
    const run = await runParent(['x [[simulate spawn=1 read=100]]'], (call, nth) => {
      if (call.name !== 'read_result') return root(call, nth);
      const { offset, limit } = call.input as { offset: number; limit: number };
      const end = Math.min(offset + limit, 250);
      const next = end < 250 ? `go on with offset ${end}` : 'the end';
      return `one of 9 files\n\n(Characters ${offset} to ${end} of 250: ${next}.)`;
    });
    expect(run.turns.flat().slice(1)).toEqual(
      [0, 100, 200].map((offset) => ({ name: 'read_result', input: { label: 'part-1', offset, limit: 100 } })),
    );
  });

  it.each([
    ['[[simulate wait=first]]', 'unknown key wait'],
    ['[[simulate spawn=many]]', 'a whole number is needed'],
    ['[[simulate spawn=1 wait=soon]]', 'a whole number is needed'],
    ['[[simulate spawn=1 task="[1]"]]', 'a JSON object is needed'],
    ['[[simulate spawn=1 slip=up]]', 'one of key, permissions, cycle, schema is needed'],
  ])('%s is refused: %s', (prompt, message) => {
    expect(() => readDirection(prompt)).toThrow(message);
  });
});

describe('the parts of a task', () => {
  it('are three to six directories, the fullest first, or ways to look at what has none', () => {
    const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].flatMap((name, n) =>
      Array.from({ length: n + 1 }, (_, i) => `${name}/${i}`),
    );
    expect(partsOf(many).map(({ label }) => label)).toEqual(['h', 'g', 'f', 'e', 'd', 'c']);
    expect(partsOf(['packages/a/x', 'packages/b/x', 'tools/x']).map(({ label }) => label)).toEqual([
      'packages-a',
      'packages-b',
      'tools',
    ]);
    expect(partsOf(['x', 'y']).map(({ label }) => label)).toEqual(['structure', 'risks', 'tests']);
    expect(partsOf([])).toHaveLength(3);
  });
});
