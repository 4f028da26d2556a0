import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sandbox } from '../../../activities/sandbox/sandbox.ts';
import { createBashTool } from '../../../activities/tools/bash.ts';
import { ToolError } from '../../../activities/tools/refusal.ts';
import type { AllowedCall, ToolOutput } from '../../../activities/tools/tool.ts';
import { type Opened, SandboxWorld } from '../sandbox/sandbox-world.ts';

let world: SandboxWorld;
let shell: Opened;
const tool = createBashTool();
beforeAll(async () => {
  const limits = { outputBytes: 200_000, memoryBytes: 64 * 2 ** 20, diskBytes: 16 * 2 ** 20 };
  world = await SandboxWorld.open({ limits });
  shell = await world.create();
});
afterAll(() => world[Symbol.asyncDispose]());

/** What the dispatcher hands over once it has allowed the command. */
function allowed(sandbox: Sandbox | undefined, signal = new AbortController().signal): AllowedCall {
  return {
    workspace: { root: shell.root, directory: shell.root, mayWrite: true },
    grant: { allow: ['Bash'], deny: [], mode: 'dontAsk' },
    sandbox,
    signal,
    target: { path: '', type: 'directory', existing: 0, spellings: [''] },
    mayFetch: () => false,
    mayRead: () => false,
    show: (path) => path,
  };
}

async function bash(
  input: unknown,
  sandbox: Sandbox | undefined = shell.sandbox,
  signal?: AbortSignal,
): Promise<ToolOutput> {
  const prepared = tool.prepare(input);
  if (!prepared.ok) throw new Error(prepared.message);
  return prepared.run(allowed(sandbox, signal));
}

const failureOf = async (running: Promise<unknown>): Promise<ToolError> =>
  running.then(
    () => expect.fail('it went well'),
    (error: unknown) => (error instanceof ToolError ? error : expect.fail(String(error))),
  );

describe('Bash', () => {
  test('hands the command over as it was written, for the rules to read', () => {
    expect(tool.prepare({ command: 'npm test | tee log', timeout: 5_000, description: 'Run tests' })).toMatchObject({
      ok: true,
      command: 'npm test | tee log',
      path: undefined,
    });
    expect(tool).toMatchObject({ kind: 'command', definition: { name: 'Bash' } });
    expect(Object.keys(tool.definition.input_schema.properties as object)).toEqual([
      'command',
      'timeout',
      'description',
    ]);
  });

  test.each([
    [{}, /command: missing/],
    [{ command: ' ' }, /command: write a command/],
    [{ command: 'a\0b' }, /NUL/],
    [{ command: 'ls', timeout: 600_001 }, /timeout/],
    [{ command: 'ls', timeout: 0 }, /timeout/],
    [{ command: 'ls', run_in_background: true }, /unknown: run_in_background/],
  ])('says what is wrong with %j', (input, message) => {
    expect(tool.prepare(input)).toMatchObject({ ok: false, message: expect.stringMatching(message) });
  });

  test('answers with what was printed, and may always have written', async () => {
    expect(await bash({ command: 'echo out; echo err >&2' })).toEqual({ content: 'out\nerr', hasWritten: true });
    expect(await bash({ command: 'true' })).toEqual({ content: '(The command printed nothing.)', hasWritten: true });
  });

  test('reports a failure as an error, with its exit code first', async () => {
    const failure = await failureOf(bash({ command: 'echo before; exit_with() { return 7; }; exit_with' }));
    expect(failure).toMatchObject({ message: 'Exit code 7\nbefore', hasWritten: true });
    expect((await failureOf(bash({ command: 'false' }))).message).toBe('Exit code 1');
  });

  test('cuts long output in the middle and says so', async () => {
    const { content } = await bash({ command: 'echo first; for i in {1..9000}; do echo "line $i"; done; echo last' });
    expect(content).toMatch(/^first\nline 1\n[^]*\(Cut: [\d,]+ characters left out here\.[^]*line 9000\nlast$/);
    expect(content.length).toBeLessThan(30_200);
  });

  test('tells when the shell is not the one of the calls before, and only then', async () => {
    const { sandbox } = await world.create();
    expect((await bash({ command: 'x=5; echo "$x"' }, sandbox)).content).toBe('5');
    expect((await failureOf(bash({ command: 'exit 3' }, sandbox))).message).toBe('Exit code 3');
    expect((await bash({ command: 'echo "[$x]"' }, sandbox)).content).toMatch(/^\(This shell is new: .*\)\n\[\]$/);
    expect((await bash({ command: 'echo again' }, sandbox)).content).toBe('again');
  });

  test.each([
    ['timeout', { command: 'echo begun; sleep 60', timeout: 200 }, /^begun\nEnded: it took longer than its timeout/],
    ['output', { command: 'yes' }, /Ended: it printed too much/],
    ['memory', { command: 'perl -e \'$x .= "a" x 1_000_000 while 1\'' }, /Ended: the sandbox ran out of memory/],
    ['disk', { command: 'head -c 32M /dev/zero > fill; sleep 60' }, /Ended: it wrote more to the disk/],
  ])('says in words one can act on that it was ended: %s', async (_, input, message) => {
    const { sandbox } = await world.create();
    expect(await failureOf(bash(input, sandbox))).toMatchObject({
      message: expect.stringMatching(message),
      hasWritten: true,
    });
  });

  test('is refused with the reason where no sandbox starts, or none is there', async () => {
    const prepared = tool.prepare({ command: 'true' });
    const without = prepared.ok ? prepared.run(allowed(undefined)) : expect.fail();
    await expect(without).rejects.toMatchObject({ name: 'Refusal', reason: 'SANDBOX_UNAVAILABLE' });
    const gone = await world.create();
    await rm(gone.root, { recursive: true });
    await expect(bash({ command: 'true' }, gone.sandbox)).rejects.toMatchObject({
      name: 'Refusal',
      reason: 'SANDBOX_UNAVAILABLE',
      message: expect.stringContaining('the workspace is gone'),
    });
  });

  test('rejects with the reason of the signal', async () => {
    const reason = new Error('stopped');
    await expect(bash({ command: 'sleep 60' }, shell.sandbox, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
