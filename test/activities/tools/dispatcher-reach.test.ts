import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { McpTools } from '../../../activities/mcp/mcp.ts';
import type { Sandbox } from '../../../activities/sandbox/sandbox.ts';
import { defineTool } from '../../../activities/tools/define-tool.ts';
import type { ToolAnswer, ToolContext } from '../../../activities/tools/tool.ts';
import type { Grant } from '../../../workflows/contract/task.schema.ts';
import { ToolWorld } from './tool-world.ts';

/** Commands, pages and MCP tools at the dispatcher. */

interface Asked extends Partial<Grant> {
  sandbox?: ToolContext['sandbox'];
  mcp?: McpTools;
  signal?: AbortSignal;
}

function run(
  world: ToolWorld,
  name: string,
  input: unknown,
  { sandbox, mcp, signal, ...grant }: Asked,
): Promise<ToolAnswer> {
  const context = world.context({ grant, ...(signal && { signal }) });
  return world.dispatcher.run({ name, input }, { ...context, sandbox, mcp });
}

/** A plain shell in the workspace: what it was told is kept, and run. */
class Shell implements Pick<Sandbox, 'run'> {
  readonly told: string[] = [];
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  run(command: string): ReturnType<Sandbox['run']> {
    this.told.push(command);
    return new Promise((resolve) => {
      execFile('sh', ['-c', command], { cwd: this.#directory }, (error, output) => {
        const exitCode = error ? Number(error.code) : 0;
        resolve({ exitCode, output, outputBytes: output.length, durationMs: 1, isNewShell: true });
      });
    });
  }
}

test('a command runs when every part of it is allowed, and is told which part was not', async () => {
  using world = new ToolWorld({ f: 'x' });
  const sandbox = new Shell(world.root);
  const rules = { allow: ['Bash(printf:*)'], sandbox };
  const good = await run(world, 'Bash', { command: 'printf ab | wc -c' }, rules);
  expect(good).toMatchObject({ isError: false, content: expect.stringContaining('2') as string });
  const bad = await run(world, 'Bash', { command: 'printf ab; touch g' }, rules);
  expect(bad).toMatchObject({ isError: true, denial: { tool: 'Bash', reason: 'NOT_GRANTED' } });
  expect(bad.content).toMatch(
    /^Denied \(NOT_GRANTED\): the part "touch g" of the command: your permissions do not include it\. Granted: Bash\(printf:\*\)\./,
  );
  expect(sandbox.told).toEqual(['printf ab | wc -c']);
  expect(world.names()).toHaveLength(1);
});

test.each<[string, string, Partial<Grant>, string, RegExp]>([
  [
    'an unclear text',
    'printf "',
    { allow: ['Bash(printf:*)'] },
    'BAD_COMMAND',
    /cannot be taken apart for sure: a " is not closed\. Write it in a simpler way/,
  ],
  [
    'a denied part',
    'true; rm f',
    { allow: ['Bash'], deny: ['Bash(rm:*)'] },
    'DENIED_BY_RULE',
    /the part "rm f" of the command: the rule Bash\(rm:\*\) denies it/,
  ],
  ['a plan', 'touch g', { allow: ['Bash'], mode: 'plan' }, 'PLAN_MODE', /touch g: in plan mode nothing is changed/],
  [
    'a redirect',
    'printf x > .npmrc',
    { allow: ['Bash(printf:*)', 'Edit'] },
    'PROTECTED_PATH',
    /the part "> \.npmrc" of the command/,
  ],
  ['no sandbox', 'ls', { allow: ['Bash'] }, 'SANDBOX_UNAVAILABLE', /no sandbox/],
  [
    'no grant',
    'ls',
    { allow: ['Read'] },
    'NOT_GRANTED',
    /Denied \(NOT_GRANTED\): ls: your permissions do not include it\. Granted: Read\./,
  ],
])('a command is refused for %s', async (_, command, grant, reason, words) => {
  using world = new ToolWorld({ f: 'x' });
  const answer = await run(world, 'Bash', { command }, grant);
  expect(answer).toMatchObject({ isError: true, denial: { tool: 'Bash', input: { command }, reason } });
  expect(answer.content).toMatch(words);
});

test('a failing command may have changed files, one that was refused has not', async () => {
  using world = new ToolWorld();
  const rules = { allow: ['Bash'], deny: ['Bash(rm:*)'], sandbox: new Shell(world.root) };
  expect(await run(world, 'Bash', { command: 'touch f; exit 3' }, rules)).toMatchObject({
    isError: true,
    hasWritten: true,
  });
  expect(await run(world, 'Bash', { command: 'rm f' }, rules)).toMatchObject({ isError: true, hasWritten: false });
  expect(world.names()).toHaveLength(1);
});

test('an input nobody can read is a fault of what is granted, and a denial of what is not', async () => {
  using world = new ToolWorld();
  const cwd = { command: 'ls', cwd: '/' };
  const granted = await run(world, 'Bash', cwd, { allow: ['Bash(npm test)'] });
  expect(granted.content).toMatch(/does not fit: unknown: cwd/);
  expect(granted.denial).toBeUndefined();
  expect((await run(world, 'Bash', cwd, { allow: ['Read'] })).denial).toMatchObject({ reason: 'NOT_GRANTED' });
  expect((await run(world, 'Bash', {}, { allow: ['Bash'], deny: ['Bash'] })).denial).toMatchObject({
    reason: 'NOT_GRANTED',
  });
});

/** Says what it was asked for, and whether it may go on to another host. */
const page = defineTool({
  name: 'WebFetch',
  description: 'x',
  kind: 'fetch',
  input: z.strictObject({ url: z.url() }),
  path: () => undefined,
  url: ({ url }) => new URL(url),
  run: ({ url }, call) =>
    Promise.resolve({ content: `${url} ${String(call.mayFetch('b.example'))} ${String(call.mayRead('f'))}` }),
});

test('a page is fetched from granted hosts alone, however they are written', async () => {
  using world = new ToolWorld({}, { webFetch: page });
  const rules = { allow: ['WebFetch(domain:a.example)', 'WebFetch(domain:*.b.example)'] };
  for (const url of ['https://a.example/x', 'http://A.EXAMPLE.:8080/', 'https://%61.example', 'https://x.y.b.example/'])
    expect(await run(world, 'WebFetch', { url }, rules)).toMatchObject({
      isError: false,
      content: `${url} false false`,
    });
  for (const url of [
    ...[
      'https://b.example/',
      'https://a.example.evil.example/',
      'https://evil-a.example/',
      'https://a.example@evil.example/',
    ],
    ...['https://evil.example/?a.example', 'file://a.example/etc/passwd', 'http://127.0.0.1/'],
  ]) {
    const answer = await run(world, 'WebFetch', { url }, rules);
    expect(answer).toMatchObject({ isError: true, denial: { reason: 'HOST_DENIED' } });
    expect(answer.content).toMatch(
      /your permissions do not include this host\. Granted: WebFetch\(domain:a\.example\)/,
    );
  }
});

test('pages need a grant, keep to deny rules, and may be read in plan mode', async () => {
  using world = new ToolWorld({}, { webFetch: page });
  const ask = (grant: Partial<Grant>): Promise<ToolAnswer> =>
    run(world, 'WebFetch', { url: 'https://a.example/' }, grant);
  expect((await ask({ allow: ['Read'] })).denial).toMatchObject({ reason: 'NOT_GRANTED' });
  expect((await ask({ allow: ['WebFetch'], deny: ['WebFetch(domain:*.example)'] })).denial).toMatchObject({
    reason: 'DENIED_BY_RULE',
  });
  expect(await ask({ allow: ['WebFetch'], mode: 'plan' })).toMatchObject({
    isError: false,
    content: 'https://a.example/ true false',
  });
});

const notes: McpTools = {
  definitions: [
    { name: 'mcp__notes__get', description: '', input_schema: { type: 'object' } },
    { name: 'mcp__notes__set', description: '', input_schema: { type: 'object' } },
  ],
  refusal: (name) =>
    name.startsWith('mcp__old__')
      ? { reason: 'MCP_CHANGED', message: 'its tools are not those of the start' }
      : undefined,
  call: (name, input, signal) => {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return Promise.resolve({ content: `\u001b[31m${name} ${JSON.stringify(input)}`, isError: input['fail'] === true });
  },
};

test('an MCP tool runs when a rule names it, and its failures are its own', async () => {
  using world = new ToolWorld();
  const rules = { allow: ['mcp__notes__get'], mcp: notes };
  expect(await run(world, 'mcp__notes__get', { id: 1 }, rules)).toEqual({
    content: 'mcp__notes__get {"id":1}',
    isError: false,
    hasWritten: false,
  });
  expect(await run(world, 'mcp__notes__get', { fail: true }, rules)).toMatchObject({
    isError: true,
    hasWritten: false,
  });
  expect((await run(world, 'mcp__notes__set', {}, rules)).denial).toEqual({
    tool: 'mcp__notes__set',
    input: {},
    reason: 'NOT_GRANTED',
  });
});

test.each<[string, unknown, Partial<Grant>, string | undefined, RegExp]>([
  ['mcp__notes__get', {}, { allow: ['mcp__notes'], deny: ['mcp__*'] }, 'DENIED_BY_RULE', /the rule mcp__\* denies it/],
  [
    'mcp__notes__get',
    { id: 7 },
    { allow: ['mcp__notes'], deny: ['mcp__notes__get(id:7)'] },
    'DENIED_BY_RULE',
    /mcp__notes__get\(id:7\)/,
  ],
  ['mcp__old__get', {}, { allow: ['mcp__old__*'] }, 'MCP_CHANGED', /its tools are not those of the start/],
  ['mcp__old__get', {}, { allow: ['mcp__notes'] }, 'NOT_GRANTED', /do not include it/],
  [
    'mcp__notes__put',
    {},
    { allow: ['mcp__notes__*'] },
    undefined,
    /There is no tool "mcp__notes__put".* offer mcp__notes__get, mcp__notes__set\./,
  ],
  ['mcp__notes__get', 'x', { allow: ['mcp__notes__*'] }, undefined, /must be an object/],
  ['mcp__notes__get', [], { allow: ['mcp__notes__*'] }, undefined, /must be an object/],
])('%s with %j under %j is an error', async (name, input, grant, reason, words) => {
  using world = new ToolWorld();
  const answer = await run(world, name, input, { ...grant, mcp: notes });
  expect(answer).toMatchObject({ isError: true, hasWritten: false });
  expect(answer.denial?.reason).toBe(reason);
  expect(answer.content).toMatch(words);
});

test('a subagent without servers is told that there are none', async () => {
  using world = new ToolWorld();
  const answer = await run(world, 'mcp__github__search', {}, { allow: ['mcp__github'] });
  expect(answer.content).toBe('There is no tool "mcp__github__search". The task’s MCP servers offer none.');
  expect(answer.denial).toBeUndefined();
});

test('an MCP call that is aborted rejects with the reason', async () => {
  using world = new ToolWorld();
  const reason = new Error('stopped');
  const abort = new AbortController();
  const mcp: McpTools = {
    ...notes,
    call: (_, __, signal) => {
      abort.abort(reason);
      return Promise.reject(signal.reason as Error);
    },
  };
  const call = run(world, 'mcp__notes__get', {}, { allow: ['mcp__notes'], mcp, signal: abort.signal });
  await expect(call).rejects.toBe(reason);
});

test('secrets are hidden in answers, denials and logs, split by control characters or cut too', async () => {
  const redact = (text: string): string => text.replaceAll('s3cr3t-token', '[hidden]');
  using world = new ToolWorld({ f: `a s3cr3t\u001b[0m-token b ${'x'.repeat(100)}` }, { redact });
  expect((await world.run('Read', { file_path: 'f' })).content).toContain('a [hidden] b');
  const content = `${'y'.repeat(195)}s3cr3t-token`;
  const denied = await world.run('Write', {
    file_path: '../s3cr3t-token',
    content,
    's3cr3t-token': { a: ['s3cr3t-token'] },
  });
  const outside = await world.run('Write', { file_path: '../s3cr3t-token', content });
  const command = 'echo s3cr3t-token';
  await run(world, 'Bash', { command }, { allow: ['Bash'], sandbox: new Shell(world.root) });
  const all = JSON.stringify([denied, outside, world.lines]);
  expect(all).not.toContain('s3cr3t');
  expect(all).toContain('[hidden]');
  expect(outside.denial?.input['content']).toBe(`${'y'.repeat(195)}[hidd… [3 more characters]`);
});
