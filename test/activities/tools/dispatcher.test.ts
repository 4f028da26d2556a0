import { expect, test } from 'vitest';
import { createToolDispatcher } from '../../../activities/tools/dispatcher.ts';
import { createLog } from '../../../activities/observe/log.ts';
import { ToolWorld } from './tool-world.ts';

test('definitions are the same bytes for everyone, sorted, with the keys of the contract', () => {
  const [one, two] = [1, 2].map(() => createToolDispatcher({ log: createLog('silent') }).definitions);
  expect(JSON.stringify(one)).toBe(JSON.stringify(two));
  const keys = one!.map(({ name, input_schema }) => [
    name,
    Object.keys(input_schema.properties ?? {}).join(' '),
    input_schema.required?.join(' '),
    input_schema['additionalProperties'],
  ]);
  expect(keys).toEqual([
    ['Bash', 'command timeout description', 'command', false],
    ['Edit', 'file_path old_string new_string replace_all', 'file_path old_string new_string', false],
    ['Glob', 'pattern path', 'pattern', false],
    ['Grep', 'pattern path glob output_mode', 'pattern', false],
    ['Read', 'file_path offset limit', 'file_path', false],
    ['StructuredOutput', '', undefined, true],
    ['Write', 'file_path content', 'file_path content', false],
  ]);
  for (const { description } of one!) expect(description?.length).toBeGreaterThan(60);
});

test.each(['WebFetch', 'WebSearch', 'Agent', 'Task', 'spawn_subagents', 'collect_subagents', 'read_result'])(
  '%s is known and not granted: an error and a denial, whatever the grant says',
  async (name) => {
    using world = new ToolWorld();
    for (const allow of [['Read'], [name]]) {
      const answer = await world.run(name, { command: 'ls' }, { grant: { allow } });
      expect(answer).toMatchObject({
        isError: true,
        hasWritten: false,
        denial: { tool: name, input: { command: 'ls' }, reason: 'NOT_GRANTED' },
      });
      expect(answer.content).not.toMatch(/unknown/i);
      expect(answer.content).toContain(`Granted: ${allow[0]}.`);
    }
  },
);

test.each(['bash', 'Raed', '__proto__', 'constructor', 'mcp__', ''])(
  '%j is no tool: an error that names those there are',
  async (name) => {
    using world = new ToolWorld();
    const answer = await world.run(name, {});
    expect(answer.content).toBe(
      `There is no tool ${JSON.stringify(name)}. There are Bash, Edit, Glob, Grep, Read, StructuredOutput, Write.`,
    );
    expect(answer).toMatchObject({ isError: true, hasWritten: false });
    expect(answer.denial).toBeUndefined();
  },
);

test.each([null, undefined, 'file', 7, [], ['a'], {}, { file_path: 1 }, { file_path: null }])(
  'the input %j is an error that says what Read takes',
  async (input) => {
    using world = new ToolWorld({ f: 'x' });
    const answer = await world.run('Read', input);
    expect(answer.content).toMatch(/^The input does not fit: .* Read takes file_path, offset, limit\.$/);
    expect(answer).toMatchObject({ isError: true });
    expect(answer.denial).toBeUndefined();
  },
);

test('every decision is logged: what was allowed with its rule, what was denied with its reason', async () => {
  using world = new ToolWorld({ 'src/a': 'x', b: 'x' });
  const overrides = { grant: { allow: ['Read(src/**)'], deny: ['Edit'] } };
  await world.run('Read', { file_path: 'src/a' }, overrides);
  await world.run('Read', { file_path: 'b' }, overrides);
  await world.run('Write', { file_path: 'b', content: 'y' }, overrides);
  expect(world.lines).toMatchObject([
    { level: 20, msg: 'tool call allowed', tool: 'Read', rule: 'Read(src/**)', paths: ['src/a'] },
    { level: 30, msg: 'tool call denied', tool: 'Read', reason: 'NOT_GRANTED', input: { file_path: 'b' } },
    { level: 30, msg: 'tool call denied', tool: 'Write', reason: 'DENIED_BY_RULE', rule: 'Edit' },
  ]);
});

test('a denial tells the model why and keeps a compact copy of its input', async () => {
  using world = new ToolWorld();
  const content = `${'\x1b[31m'}${'é'.repeat(5_000)}`;
  const answer = await world.run('Write', { file_path: '../x', content });
  expect(answer.content).toMatch(/^Denied \(PATH_OUTSIDE\): \.\.\/x: it lies outside the workspace/);
  expect(answer.denial).toEqual({
    tool: 'Write',
    input: { file_path: '../x', content: `${'é'.repeat(200)}… [4800 more characters]` },
    reason: 'PATH_OUTSIDE',
  });
  const nested = await world.run('Bash', { list: Array.from({ length: 500 }, () => 'x'), n: 1, none: null, on: true });
  expect(JSON.stringify(nested.denial).length).toBeLessThan(500);
  expect(nested.denial?.input).toMatchObject({ n: 1, none: null, on: true });
  expect((await world.run('Bash', 'ls')).denial?.input).toEqual({});
  const wide = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, n]));
  expect(Object.keys((await world.run('Bash', wide)).denial!.input)).toHaveLength(20);
});

test.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
  ['plan', { file_path: 'f', content: '' }, { mode: 'plan' }, 'in plan mode nothing is changed'],
  ['a deny rule', { file_path: 'f', content: '' }, { deny: ['Edit(f)'] }, 'the rule Edit(f) denies it'],
  [
    'a broken rule',
    { file_path: 'f', content: '' },
    { deny: ['Edit('] },
    'the rule Edit( of your permissions cannot be read',
  ],
  ['a protected path', { file_path: '.npmrc', content: '' }, {}, 'configuration that no permission covers'],
])('the model reads why %s refused it', async (_, input, grant, words) => {
  using world = new ToolWorld({ f: 'x' });
  const answer = await world.run('Write', input, { grant });
  expect(answer.content).toContain(words);
  expect(answer.denial).toBeDefined();
});

test('no answer passes 120,000 characters, and the cut is said', async () => {
  const names = Object.fromEntries(
    Array.from({ length: 700 }, (_, n) => [`${String(n).padStart(4, '0')}${'x'.repeat(240)}`, '']),
  );
  using world = new ToolWorld(names);
  const { content } = await world.run('Glob', { pattern: '*' });
  expect(content.length).toBeLessThan(120_200);
  expect(content).toMatch(
    /\(Cut: [\d,]+ characters more\. Ask for less at once: a narrower path, pattern or range\.\)$/,
  );
});

test('an aborted signal throws its reason before anything happens', async () => {
  using world = new ToolWorld();
  const reason = new Error('stopped');
  const call = world.run('Write', { file_path: 'f', content: 'x' }, { signal: AbortSignal.abort(reason) });
  await expect(call).rejects.toBe(reason);
  expect(world.names()).toEqual([]);
});

test('a workspace that vanished is an error, not a throw', async () => {
  using world = new ToolWorld({ f: 'x' });
  const gone = { ...world.context(), workspace: { root: '/nowhere/ws', directory: '/nowhere/ws', mayWrite: true } };
  const calls = [
    { name: 'Read', input: { file_path: 'f' } },
    { name: 'Write', input: { file_path: 'f', content: '' } },
    { name: 'Glob', input: { pattern: '*' } },
  ];
  for (const call of calls)
    expect(await world.dispatcher.run(call, gone)).toMatchObject({ isError: true, hasWritten: false });
});

test('StructuredOutput is defined here and run by the agent loop', async () => {
  using world = new ToolWorld();
  expect(await world.run('StructuredOutput', { a: 1 })).toMatchObject({ isError: true, hasWritten: false });
});
