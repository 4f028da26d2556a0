import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MusterGround } from '../support/muster-process.ts';
import { readXml } from '../support/read-xml.ts';

const SCHEMA = `{ type: object, properties: { found: { type: integer } }, required: [found], additionalProperties: false }`;
const WHOLE = `
name: whole
tasks:
  - { label: last, prompt: 'Sum up.', dependsOn: [one, two] }
  - { label: one, prompt: 'Count. [[simulate structured="{\\"found\\":3}"]]', workingDirectory: lib-a, outputSchema: ${SCHEMA} }
  - { label: two, prompt: 'Count too. [[simulate structured="{\\"found\\":4}"]]', workingDirectory: lib-b, outputSchema: ${SCHEMA} }
`;
const MIXED = `
name: mixed & <more>
tasks:
  - { label: good, prompt: 'good' }
  - { label: bad, prompt: 'bad [[simulate fault=refusal times=0]]' }
  - { label: after, prompt: 'after', dependsOn: [bad] }
`;
const TWO_FILES = `
name: two-files
tasks:
  - { label: first, prompt: '[[simulate write=one.txt content="1"]] Write one.' }
  - { label: second, prompt: '[[simulate write=two.txt content="2"]] Write two.' }
`;

/** Keys of a result (contracts §2), those of simulated Claude and of bookkeeping included. */
const RESULT_KEYS = new Set(
  (
    'label parent status output structured_output raw_output schema_errors error partial changes verify model num_turns ' +
    'usage total_cost_usd rework_cost_usd duration_ms attempts permission_denials reused_from transcript simulated ended_at_ms'
  ).split(' '),
);
const STATUSES = ['completed', 'failed', 'timed_out', 'budget_reached', 'stopped', 'skipped', 'not_attempted'];

describe('the command line, to the letter', () => {
  let ground: MusterGround;
  beforeAll(() => {
    ground = new MusterGround({ 'lib-a/x.js': '1', 'lib-b/x.js': '2', 'repo/a.txt': 'one\n' });
    for (const [name, text] of Object.entries({ whole: WHOLE, mixed: MIXED, 'repo/two-files': TWO_FILES }))
      ground.write(`${name}.yaml`, text);
    const git = (...args: string[]) => execFileSync('git', ['-C', `${ground.directory}/repo`, ...args]);
    git('init', '-q', '-b', 'main');
    git('add', 'a.txt');
    git('-c', 'user.name=t', '-c', 'user.email=t@example.test', 'commit', '-qm', 'one');
  });
  afterAll(() => ground[Symbol.asyncDispose]());

  it('prints one object with the keys it promises, results in task order, structured outputs that fit', async () => {
    const ran = await ground.run(['run', 'whole.yaml', '--simulate', '--output-format', 'json', '--quiet']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const whole = JSON.parse(ran.stdout) as Record<string, unknown> & { results: Record<string, unknown>[] };
    expect(Object.keys(whole)).toEqual([
      'id',
      'name',
      'status',
      'census',
      'usage',
      'total_cost_usd',
      'duration_ms',
      'simulated',
      'results',
    ]);
    expect(whole).toMatchObject({ name: 'whole', status: 'completed', simulated: true });
    expect(Object.keys(whole['census'] as object)).toEqual(STATUSES);
    expect(whole['census']).toMatchObject({ completed: 3, failed: 0, not_attempted: 0 });
    expect(whole.results.map(({ label }) => label)).toEqual(['last', 'one', 'two']);
    for (const result of whole.results) {
      expect(Object.keys(result).filter((key) => !RESULT_KEYS.has(key))).toEqual([]);
      expect(result).toMatchObject({ status: 'completed', simulated: true, attempts: 1, permission_denials: [] });
    }
    expect(whole.results.map(({ structured_output }) => structured_output)).toEqual([
      undefined,
      { found: 3 },
      { found: 4 },
    ]);
    const sum = (key: string) =>
      whole.results.reduce((total, { usage }) => total + (usage as Record<string, number>)[key]!, 0);
    for (const [key, count] of Object.entries(whole['usage'] as Record<string, number>)) expect(count).toBe(sum(key));
    const cost = whole.results.reduce((total, result) => total + (result['total_cost_usd'] as number), 0);
    expect(whole['total_cost_usd']).toBeCloseTo(cost, 6);
    const shown = await ground.run(['show', '@latest', 'last', '--output-format', 'json']);
    expect(JSON.stringify(JSON.parse(shown.stdout))).toMatch(/found\\*":3[^]*found\\*":4/); // it was told what it waited for
  });

  it('starts detached, and watch ends with the same object run would have printed', async () => {
    const started = await ground.run(['run', 'mixed.yaml', '--simulate', '--fresh', '--detach', '--quiet']);
    expect(started).toMatchObject({ code: 0, stderr: '' });
    const { id, ...rest } = JSON.parse(started.stdout) as { id: string };
    expect(rest).toEqual({ status: 'running' });
    const watched = await ground.run(['watch', '@latest', '--output-format', 'json', '--quiet']);
    expect(watched.code).toBe(3);
    expect(JSON.parse(watched.stdout)).toMatchObject({
      id,
      name: 'mixed & <more>',
      status: 'completed',
      census: { completed: 1, failed: 1, skipped: 1 },
      results: [
        { label: 'good', status: 'completed' },
        { label: 'bad', status: 'failed', error: { type: 'Claude.Refused' } },
        { label: 'after', status: 'skipped', error: { type: 'Dependency.Failed' } },
      ],
    });
  });

  it('prints the results of an ended fleet in every format', async () => {
    const results = async (format: string) => {
      const ran = await ground.run(['results', '@latest', '--format', format]);
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      return ran.stdout;
    };
    expect((JSON.parse(await results('json')) as { results: unknown[] }).results).toHaveLength(3);
    const lines = (await results('jsonl')).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { label: string }).label)).toEqual(['good', 'bad', 'after']);
    expect((await results('csv')).split('\r\n').map((line) => line.split(',').slice(0, 2))).toEqual([
      ['label', 'status'],
      ['good', 'completed'],
      ['bad', 'failed'],
      ['after', 'skipped'],
      [''],
    ]);
    const elements = readXml(await results('junit'));
    expect(elements.filter((name) => name === 'testcase')).toHaveLength(3);
    expect(elements.filter((name) => name === 'failure')).toHaveLength(1);
    const sarif = JSON.parse(await results('sarif')) as { version: string; runs: { results: { ruleId: string }[] }[] };
    expect(sarif.version).toBe('2.1.0');
    expect(sarif.runs[0]!.results.map(({ ruleId }) => ruleId)).toContain('Claude.Refused');
    expect(await results('markdown')).toMatch(/\| *good *\|/);
  });

  it('retries a failed one in a closed fleet under the same id', async () => {
    const before = JSON.parse((await ground.run(['status', '@latest', '--output-format', 'json'])).stdout) as {
      id: string;
    };
    const retried = await ground.run(['retry', before.id, 'bad']);
    expect(retried.code).toBe(0);
    expect((await ground.run(['watch', before.id, '--quiet'])).code).toBe(3);
    const after = JSON.parse((await ground.run(['status', before.id, '--output-format', 'json'])).stdout) as object;
    expect(after).toMatchObject({ id: before.id, generation: 2, census: { completed: 1, failed: 1, skipped: 1 } });
  });

  it('puts what two subagents wrote on one branch, a commit each', async () => {
    const ran = await ground.run(['run', 'repo/two-files.yaml', '--simulate', '--output-format', 'json', '--quiet']);
    const { id } = JSON.parse(ran.stdout) as { id: string };
    expect((await ground.run(['diff', id])).stdout.match(/^\+\+\+ .*$/gm)).toEqual(['+++ b/one.txt', '+++ b/two.txt']);
    expect(await ground.run(['apply', id])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 applied') as string,
    });
    const git = (...args: string[]) => execFileSync('git', ['-C', `${ground.directory}/repo`, ...args]).toString();
    expect(git('log', '--format=%s', `main..muster/${id}`).trimEnd().split('\n')).toHaveLength(2);
    expect([git('show', `muster/${id}:one.txt`), git('show', `muster/${id}:two.txt`)]).toEqual(['1', '2']);
  });

  it('refuses to steer what has ended, and names the nearest id of one it does not know', async () => {
    const { id } = JSON.parse((await ground.run(['status', '@latest', '--output-format', 'json'])).stdout) as {
      id: string;
    };
    for (const args of [
      ['pause'],
      ['resume'],
      ['cancel'],
      ['stop', 'first'],
      ['skip', 'first'],
      ['set', '--concurrency', '3'],
    ]) {
      const refused = await ground.run([args[0]!, id, ...args.slice(1)]);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('has ended') as string });
    }
    const near = `${id.slice(0, -1)}${id.endsWith('a') ? 'b' : 'a'}`;
    for (const command of ['watch', 'status', 'results', 'cancel', 'retry', 'apply']) {
      const unknown = await ground.run([command, near]);
      expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining(`did you mean ${id}?`) as string });
    }
  });
});

describe('nothing is started', () => {
  const one = "tasks: [{ prompt: 'Look.' }]\n";
  const many = `{"tasks": [${Array.from({ length: 13 }, () => '{"prompt": "Look."}').join(', ')}]}`;

  it('without a credential: exit 4, naming --simulate', async () => {
    await using ground = new MusterGround({ 'fleet.yaml': one });
    for (const env of [{}, { ANTHROPIC_API_KEY: '', ANTHROPIC_AUTH_TOKEN: '' }]) {
      const ran = await ground.run(['run', 'fleet.yaml'], { env });
      expect(ran).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('--simulate') as string });
    }
    expect(ground.hasHome).toBe(false);
  });

  it('with real money for more than 12, no terminal and no budget: exit 2 after saying what it comes to', async () => {
    await using ground = new MusterGround({ 'tasks.json': many });
    const ran = await ground.run(['run', 'tasks.json'], { env: { ANTHROPIC_API_KEY: 'sk-ant-none' } });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(/13 subagents on claude-[^\n]*worst case[^]*--budget/);
    expect(ground.hasHome).toBe(false);
  });

  it.each([
    ['broken YAML', 'fleet.yaml', 'tasks:\n  - prompt: "a\n', /^fleet\.yaml:\d+:\d+: /],
    ['broken JSON', 'tasks.json', '{"tasks": [{"prompt": "a",}]}', /^tasks\.json:1:\d+: /],
    ['a misspelt key', 'fleet.yaml', 'tasks:\n  - promt: a\n', /^fleet\.yaml:2:5: .*promt.*prompt/],
    [
      'a repeated label',
      'tasks.json',
      '[{"label": "a", "prompt": "x"},\n {"label": "a", "prompt": "y"}]',
      /^tasks\.json:2:\d+: .*"a"/,
    ],
    [
      'a cycle',
      'fleet.yaml',
      'tasks:\n  - {label: a, prompt: x, dependsOn: [b]}\n  - {label: b, prompt: x, dependsOn: [a]}\n',
      /^fleet\.yaml:\d:\d+: .*a → b → a|^fleet\.yaml:\d:\d+: .*b → a → b/,
    ],
    [
      'an unknown dependency',
      'fleet.yaml',
      'tasks:\n  - {label: alpha, prompt: x}\n  - {prompt: y, dependsOn: [alfa]}\n',
      /^fleet\.yaml:3:\d+: .*alfa.*alpha/,
    ],
    [
      'a missing directory',
      'fleet.yaml',
      'tasks:\n  - {prompt: x, workingDirectory: nowhere}\n',
      /^fleet\.yaml:2:\d+: .*nowhere/,
    ],
    [
      'a context file outside',
      'fleet.yaml',
      'tasks:\n  - {prompt: x, context: {file: ../../../../etc/hostname}}\n',
      /^fleet\.yaml:2:\d+: .*outside/,
    ],
    ['no tasks', 'tasks.json', '{"tasks": []}', /^tasks\.json:1:\d+: .*task/],
    [
      'a prompt of 5 MB',
      'tasks.json',
      `{"tasks": [{"prompt": "${'x'.repeat(5_000_000)}"}]}`,
      /^tasks\.json:1:\d+: .*1048576|^tasks\.json:1:\d+: .*1 MiB/,
    ],
    [
      'a schema that is none',
      'fleet.yaml',
      'tasks:\n  - {prompt: x, outputSchema: {type: object, properties: {a: {type: strng}}}}\n',
      /^fleet\.yaml:2:\d+: .*outputSchema|^fleet\.yaml:2:\d+: .*schema/,
    ],
  ])('%s: exit 2 with file, line and column', async (_, file, content, fault) => {
    await using ground = new MusterGround({ [file]: content });
    const ran = await ground.run(['run', file, '--simulate']);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(fault);
    expect(ran.stderr.split('\n')[0]!.length).toBeLessThan(500);
    expect(ran.stderr).toContain('nothing was started');
    expect(ground.hasHome).toBe(false);
  });
});
