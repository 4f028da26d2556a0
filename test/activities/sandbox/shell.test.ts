import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandOutcome } from '../../../activities/sandbox/sandbox.ts';
import { type Opened, SandboxWorld } from './sandbox-world.ts';

let world: SandboxWorld;
beforeAll(async () => {
  world = await SandboxWorld.open();
});
afterAll(() => world[Symbol.asyncDispose]());

const next = (opened: Opened): Promise<CommandOutcome> => opened.run('echo next');
const alive = { exitCode: 0, output: 'next\n', isNewShell: false };
const renewed = { ...alive, isNewShell: true };

describe('a shell', () => {
  test('starts with the first command and stays, with its directory, variables and functions', async () => {
    const shell = await world.create({ 'a/b.txt': 'b' });
    expect(await shell.run('pwd; x=5; f() { echo "f$x"; }; cd a')).toMatchObject({
      exitCode: 0,
      output: `${shell.root}\n`,
      isNewShell: true,
    });
    expect(await shell.run('f; pwd; cat b.txt')).toMatchObject({ output: `f5\n${shell.root}/a\nb`, isNewShell: false });
  });

  test('runs commands one after another, in the order they were asked for', async () => {
    const shell = await world.create();
    const all = await Promise.all([
      shell.run('sleep 0.05; echo 1 >> log'),
      shell.run('echo 2 >> log'),
      shell.run('cat log'),
    ]);
    expect(all.at(-1)!.output).toBe('1\n2\n');
  });

  test('starts in the working directory', async () => {
    const shell = await world.create({ 'src/a.ts': '' }, { directory: 'src' });
    expect((await shell.run('pwd')).output).toBe(`${shell.root}/src\n`);
  });

  test('mixes stdout and stderr as they came', async () => {
    const shell = await world.create();
    const { output } = await shell.run('for i in 1 2 3; do echo "out $i"; echo "err $i" >&2; done');
    expect(output).toBe('out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n');
  });

  test('counts what was printed, and gives it byte for byte', async () => {
    const shell = await world.create();
    expect(await shell.run("printf 'no line feed, ünïcode, \\033[31m'")).toMatchObject({
      output: 'no line feed, ünïcode, \x1b[31m',
      outputBytes: 30,
    });
  });

  test.each([
    ['fails', 'false', 1],
    ['is not found', 'no-such-command', 127],
    ['dies of a signal', 'bash -c "kill -9 \\$\\$"', 137],
    ['has an unbalanced quote', 'echo "open', 2],
    ['has an unbalanced bracket', 'echo $(', 2],
    ['is half a substitution', 'cat <(', 2],
    ['is half an expansion', 'echo ${', 2],
    ['has a lone backquote', 'echo `', 2],
    ['has an unbalanced bracket far inside', 'x=$(ls); echo "$(echo "$(pwd"', 2],
    ['is half a loop', 'for x in 1 2', 2],
    ['is a lone closing brace', '}', 2],
    ['ends in a backslash', 'echo a \\', 0],
    ['asks for patterns and uses them', 'shopt -s extglob\necho $(echo !(*))', 0],
    ['is a comment', '# nothing', 0],
    ['has a here-document without its end', 'cat <<END\ntext', 0],
    ['reads stdin', 'cat; read -r line; echo "[$line]"', 0],
    ['closes its stdout', 'exec >&-; echo lost', 1],
    ['closes everything', 'exec 0<&- 1>&- 2>&-', 0],
    ['sends its own output elsewhere for good', 'exec >/dev/null 2>&1; echo lost', 0],
    ['sets options that trip up scripts', 'set -uxv -o pipefail', 0],
    ['sets a trap for every command', "trap 'true' DEBUG ERR RETURN", 0],
    ['kills all that it can', 'sleep 60 & kill -9 -1', 0],
    ['leaves a background job', 'sleep 60 & true', 0],
    ['imitates the end of a command', "printf '\\036%s 0\\036' 0123456789abcdef0123456789abcdef; false", 1],
  ])('outlives a command that %s', async (_, command, exitCode) => {
    const shell = await world.create();
    await next(shell);
    expect(await shell.run(command)).toMatchObject({ exitCode });
    expect(await next(shell)).toMatchObject({
      exitCode: 0,
      isNewShell: false,
      output: expect.stringMatching(/next\n$/),
    });
  });

  test.each([
    ['exits', 'exit 3', 3],
    ['becomes another program', 'exec sh -c "exit 4"', 4],
    ['kills it', 'kill $$', 143],
    ['kills it for sure', 'kill -9 $$', 137],
    ['wants to end at a failure, and fails', 'set -e; echo before; false; echo after', 1],
    ['exits and leaves a daemon', 'setsid sleep 60 </dev/null >/dev/null 2>&1 & exit 5', 5],
  ])('is followed by a new one when a command %s', async (_, command, exitCode) => {
    const shell = await world.create();
    await shell.run('x=kept');
    const outcome = await shell.run(command);
    expect(outcome).toMatchObject({ exitCode, isNewShell: false });
    expect(outcome.output).not.toContain('after');
    expect(outcome.endedBy).toBeUndefined();
    expect(await next(shell)).toMatchObject(renewed);
    expect((await shell.run('echo "[$x]"; pgrep sleep')).output).toBe('[]\n');
  });

  test('keeps `set -e` and `set -x` to the command that set them', async () => {
    const shell = await world.create();
    expect((await shell.run('set -ex; echo traced')).output).toBe('++ echo traced\ntraced\n');
    expect(await shell.run('false; echo on')).toMatchObject({ output: 'on\n', isNewShell: false });
  });

  test('has stdout and stderr that can be opened by name', async () => {
    const shell = await world.create();
    expect((await shell.run('echo a >/dev/stdout; echo b | tee /dev/stderr')).output).toBe('a\nb\nb\n');
  });

  test('gives what a background job printed with the next command', async () => {
    const shell = await world.create();
    await shell.run('(sleep 0.05; echo late; touch printed) &');
    const { output } = await shell.run('until [ -e printed ]; do sleep 0.01; done; echo own');
    expect(output).toBe('late\nown\n');
  });

  test('takes a command of a megabyte', async () => {
    const shell = await world.create();
    expect((await shell.run(`x='${'a'.repeat(2 ** 20)}'; echo \${#x}`)).output).toBe('1048576\n');
  });

  test('refuses a command that holds a NUL', async () => {
    const shell = await world.create();
    await expect(shell.run('echo a\0b')).rejects.toThrow('NUL');
  });

  test('has PATH, HOME, LANG and what it was given in its environment, and nothing else', async () => {
    const awkward = `it's $HOME "quoted"\nin two lines`;
    const shell = await world.create({}, { env: { GREETING: awkward, 'not-a-name': 'x', BASH_ENV: '/dev/null' } });
    const { output } = await shell.run(
      'printf %s "$GREETING"; echo; env -u GREETING | cut -d= -f1 | sort | tr "\\n" " "',
    );
    expect(output).toBe(`${awkward}\nBASH_ENV HOME LANG PATH PWD SHLVL _ `.replace('SHLVL _ ', 'SHLVL _ '));
    expect((await shell.run('echo $PATH $HOME $LANG; test -w $HOME')).output).toBe(
      '/usr/local/bin:/usr/bin:/bin /tmp/home C.UTF-8\n',
    );
  });
});

describe('a command that is ended', () => {
  test('takes its whole process tree with it at its timeout, daemons included', async () => {
    const shell = await world.create();
    const daemons = '(setsid sleep 61 >/dev/null 2>&1 &) ; nohup sleep 62 & ';
    expect(await shell.run(`${daemons} echo started; sleep 60`, 300)).toMatchObject({
      exitCode: null,
      endedBy: 'timeout',
      output: 'started\n',
    });
    expect(await shell.run('pgrep sleep; echo next')).toMatchObject(renewed);
  });

  test.each([
    'sleep 60',
    'trap "" TERM INT HUP; while :; do :; done',
    'kill -STOP $$',
    '(setsid sleep 60 &); sleep 60',
  ])('rejects with the reason of its signal within 2 s, with nothing left: %s', async (command) => {
    const shell = await world.create();
    await next(shell);
    const controller = new AbortController();
    const running = shell.sandbox.run(`touch begun; ${command}`, { timeoutMs: 60_000, signal: controller.signal });
    await expect.poll(() => readdirSync(shell.root)).toEqual(['begun']);
    const reason = new Error('stopped by a person');
    const aborted = performance.now();
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(performance.now() - aborted).toBeLessThan(2_000);
    expect(await shell.run('pgrep sleep; echo next')).toMatchObject(renewed);
  });

  test('is never started when its signal was aborted before its turn', async () => {
    const shell = await world.create();
    const controller = new AbortController();
    const first = shell.run('sleep 0.2; echo first');
    const second = shell.sandbox.run('touch never', { timeoutMs: 1_000, signal: controller.signal });
    controller.abort('no more');
    await expect(second).rejects.toBe('no more');
    expect(await first).toMatchObject({ output: 'first\n' });
    expect((await shell.run('ls')).output).toBe('');
  });
});

describe('a command apart', () => {
  const options = { timeoutMs: 20_000, signal: new AbortController().signal };

  test('shares the files and nothing else, writes everywhere, and leaves nothing', async () => {
    const shell = await world.create({ 'src/a.ts': 'a', 'docs/b.md': 'b' }, { writable: ['src'] });
    await shell.run('x=5; export y=6; cd src');
    const apart = await shell.sandbox.runApart('echo "[$x$y]"; pwd; echo c > docs/c.md; sleep 60 & exit 7', options);
    expect(apart).toMatchObject({ exitCode: 7, output: `[]\n${shell.root}\n`, isNewShell: true });
    expect(await shell.run('echo $x; cat ../docs/c.md; touch ../docs/d.md; pgrep sleep')).toMatchObject({
      output: expect.stringMatching(/^5\nc\ntouch: .*Read-only file system\n$/),
      isNewShell: false,
    });
  });

  test('is ended at its timeout, and the shell goes on', async () => {
    const shell = await world.create();
    await shell.run('x=5');
    expect(await shell.sandbox.runApart('sleep 60', { ...options, timeoutMs: 100 })).toMatchObject({
      exitCode: null,
      endedBy: 'timeout',
    });
    expect(await shell.run('echo $x')).toMatchObject({ output: '5\n', isNewShell: false });
  });
});
