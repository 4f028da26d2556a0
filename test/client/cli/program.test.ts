import { stripVTControlCharacters } from 'node:util';
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { COMMANDS, SUMMARIES } from '../../../client/cli/command-table.ts';
import { LATER_COMMANDS, LATER_FLAGS } from '../../../client/cli/later.ts';
import { createProgram } from '../../../client/cli/program.ts';
import { describeError } from '../../../client/cli/error-report.ts';
import { MusterGround } from '../../support/muster-process.ts';

/** What the program would say to this command line, without a process of its own. */
async function complaint(...argv: string[]): Promise<ReturnType<typeof describeError>> {
  const program = await createProgram(argv);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    return describeError(error, argv);
  }
  throw new Error('it had nothing to complain about');
}

describe('the command line', () => {
  it.each([...LATER_FLAGS])('refuses %s of a later version', async (flag) => {
    expect(await complaint('run', flag, 'x', 'fleet.yaml')).toMatchObject({
      exitCode: 2,
      code: 'not_supported',
      message: `${flag} is not supported yet`,
    });
  });

  it.each([...LATER_COMMANDS])('refuses the command %s of a later version', async (name) => {
    expect(await complaint(name, 'x')).toMatchObject({ exitCode: 2, message: `muster ${name} is not supported yet` });
  });

  it.each([
    [['rnu'], /unknown command rnu/, /muster run/],
    [['submit', 'x'], /unknown command submit/, /muster run/],
    [['run', '--cocurrency', '3', 'x'], /unknown flag --cocurrency/, /did you mean --concurrency/],
    [['run', '--jobs', '3', 'x'], /unknown flag --jobs/, /write --concurrency N/],
    [['run', '-j3', 'x'], /unknown flag -j/, /.*/],
    [['run'], /missing required argument 'file'/, /--prompt "…"; muster run --help/],
    [['status'], /missing required argument 'id'/, /muster status --help/],
    [['status', 'a', 'b'], /too many arguments/, /muster status --help/],
    [['stop', 'a'], /missing required argument 'label'/, /muster stop --help/],
    [['gc'], /--older-than/, /muster gc --help/],
    [['set', 'a'], /nothing to set/, /--concurrency N/],
    [['retry', 'a', 'b', '--failed'], /exclude each other/, /one of them/],
    [['run', '--fresh', '--reuse', 'x'], /exclude each other/, /.*/],
    [['schedule', 'crate'], /unknown command schedule crate/, /did you mean create\? muster schedule --help/],
    [['schedule', 'create', 'x'], /--cron/, /muster schedule --help/],
    [['schedule', 'create', '--cron', '@daily', '--wait', '2h', 'x'], /unknown flag --wait/, /muster schedule --help/],
    [['schedule', 'trigger', 'x', '--overlap', 'queue'], /--overlap queue: write one of skip, .*Forbid/, /.*/],
    [['schedule', 'backfill', 'x', '--from', 'noon', '--to', '2026-11-23'], /--from noon: write a time such as/, /.*/],
    [['schedule', 'backfill', 'x', '--from', '2026-11-23'], /--to/, /.*/],
    [['schedule', 'backfill', 'x', '--from', '2026-11-23', '--to', '2026-11-22'], /--from is not before --to/, /.*/],
    [['schedule', 'history', "x' OR '1"], /name x' OR '1: write letters, digits/, /.*/],
    [['schedule', 'pause', 'x', '--note', ' '], /--note .*: write why/, /.*/],
    [['completion', 'tcsh'], /shell tcsh: write one of bash, zsh, fish/, /.*/],
  ])('says what is wrong with %j', async (argv, message, hint) => {
    const { hint: said = '', ...error } = await complaint(...argv);
    expect(error).toMatchObject({ ok: false, exitCode: 2 });
    expect(error.message).toMatch(message);
    expect(said).toMatch(hint);
  });

  it.each([
    ['--concurrency', ['0', '-1', '1.5', 'x', '10001']],
    ['--budget', ['0', '-3', 'x', '2000000', '']],
    ['--max-budget-usd', ['0']],
    ['--max-agents', ['0', 'x']],
    ['--timeout', ['0', 'soon', '5x', '40d']],
    ['--wait', ['0', 'x']],
    ['-p', ['novalue', '=x']],
    ['--output-format', ['yaml', 'JSON']],
  ])('refuses bad values of %s', async (flag, values) => {
    for (const value of values) {
      const { message, exitCode } = await complaint('run', `${flag}${flag === '-p' ? '' : '='}${value}`, 'x');
      expect(exitCode).toBe(2);
      expect(message).toMatch(/: write /);
    }
  });

  it('names in its help every command of this version and none of a later one', async () => {
    const program = await createProgram([]);
    const help = program.helpInformation();
    for (const name of COMMANDS.keys()) expect(help).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    for (const name of LATER_COMMANDS) expect(help).not.toMatch(new RegExp(`^  ${name}\\b`, 'm'));
  });

  it('says of each command in the list what the command itself says', async () => {
    const whole = await createProgram([], { isWhole: true });
    for (const [name, summary] of SUMMARIES) {
      const command = whole.commands.find((other) => other.name() === name)!;
      expect(command.summary() || command.description()).toBe(summary);
    }
  });

  it('has help with an example for the commands people start with, without the flags of later versions', async () => {
    for (const name of [
      'run',
      'schedule',
      'validate',
      'targets',
      'watch',
      'results',
      'show',
      'diff',
      'apply',
      'retry',
      'set',
      'gc',
    ]) {
      let text = '';
      const program = await createProgram([name]);
      program.commands[0]!.configureOutput({ writeOut: (piece) => (text += piece) }).outputHelp();
      expect(text).toMatch(/Examples?:\n +muster /);
      for (const flag of LATER_FLAGS) expect(text).not.toMatch(new RegExp(`${flag}\\b`));
    }
  });
});

describe('the program as a process', () => {
  const FLEET = 'name: demo\ntasks:\n  - { label: a, prompt: Look. }\n';
  const SLIPS =
    'name: demo\ntasks:\n  - { lable: a, prompt: Look. }\n  - { label: b, prompt: Look., dependsOn: [zz] }\n';

  it('prints help and version on stdout with exit 0', async () => {
    await using ground = new MusterGround();
    const [help, version, alone] = await Promise.all([ground.run(['--help']), ground.run(['-V']), ground.run([])]);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('Usage: muster');
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string });
    expect(alone).toMatchObject({ code: 0, stdout: help.stdout });
  });

  it('prints help for commands that only hold others', async () => {
    await using ground = new MusterGround();
    const ran = await ground.run(['schedule']);
    expect(ran).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('muster schedule create --cron'),
    });
  });

  it('keeps errors off stdout, as text or as one JSON line', async () => {
    await using ground = new MusterGround();
    const [text, json] = await Promise.all([
      ground.run(['run', '--permission-mode', 'x']),
      ground.run(['run', '--permission-mode', 'x', '--output-format', 'json']),
    ]);
    expect(text).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: --permission-mode is not supported yet\n  muster run --help\n',
    });
    expect(json).toMatchObject({ code: 2, stdout: '' });
    expect(JSON.parse(json.stderr)).toEqual({
      ...{ ok: false, code: 'not_supported', exitCode: 2 },
      ...{ message: '--permission-mode is not supported yet', hint: 'muster run --help' },
    });
  });

  it('names all faults of a file at once and starts nothing', async () => {
    await using ground = new MusterGround({ 'fleet.yaml': SLIPS });
    const [run, validate, json] = await Promise.all([
      ground.run(['run', 'fleet.yaml', '--simulate']),
      ground.run(['validate', 'fleet.yaml']),
      ground.run(['run', 'fleet.yaml', '--output-format=json']),
    ]);
    for (const ran of [run, validate]) {
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toMatch(/^fleet\.yaml:3:7: .*label/m);
      expect(ran.stderr).toMatch(/^fleet\.yaml:4:\d+: .*zz/m);
      expect(ran.stderr).toContain('2 faults; nothing was started');
    }
    expect(JSON.parse(json.stderr)).toMatchObject({
      code: 'invalid_file',
      exitCode: 2,
      faults: [{ line: 3 }, { line: 4 }],
    });
    expect(ground.hasHome).toBe(false);
  });

  it('says that there is no credential before anything starts, after the faults of the file', async () => {
    await using ground = new MusterGround({ 'fleet.yaml': FLEET });
    const env = { ANTHROPIC_API_KEY: '', ANTHROPIC_AUTH_TOKEN: '' };
    const ran = await ground.run(['run', 'fleet.yaml'], { env });
    expect(ran).toMatchObject({ code: 4, stdout: '' });
    expect(ran.stderr).toContain('--simulate');
    expect(ground.hasHome).toBe(false);
  });

  it('asks for a budget or --yes before it spends real money on more than a dozen', async () => {
    const tasks = Array.from({ length: 13 }, () => ({ prompt: 'Look.' }));
    await using ground = new MusterGround({ 'tasks.json': JSON.stringify({ tasks }) });
    const ran = await ground.run(['run', 'tasks.json'], { env: { ANTHROPIC_API_KEY: 'sk-x' } });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('13 subagents on claude-sonnet-5-5, no budget, worst case unbounded');
    expect(ran.stderr).toContain('--yes');
    expect(ground.hasHome).toBe(false);
  });

  it('reads a task list from stdin', async () => {
    await using ground = new MusterGround();
    const ran = await ground.run(['validate', '-'], { stdin: '[{"prompt": "Look."}]' });
    expect(ran).toMatchObject({ code: 0, stdout: '- is valid: stdin, 1 subagent\n' });
  });

  it('lists targets with those that are not eligible', async () => {
    const fleet = 'targets: ["*/"]\neligible: test -f package.json\ntask: { prompt: Look. }\n';
    await using ground = new MusterGround({ 'fleet.yaml': fleet, 'a/package.json': '{}', 'b/x': '' });
    const [text, json] = await Promise.all([
      ground.run(['targets', 'fleet.yaml']),
      ground.run(['targets', 'fleet.yaml', '--output-format', 'json']),
    ]);
    expect(text).toMatchObject({ code: 0, stderr: '2 targets, 1 eligible\n' });
    expect(text.stdout.split('\n')[1]).toMatch(/^b .*not eligible$/);
    expect(JSON.parse(json.stdout)).toMatchObject([
      { label: 'a', eligible: true },
      { label: 'b', eligible: false },
    ]);
    expect(ground.hasHome).toBe(false);
  });

  it('writes a fleet file that is valid, and never over one', async () => {
    await using ground = new MusterGround();
    expect(await ground.run(['init'])).toMatchObject({ code: 0, stdout: '' });
    expect(await ground.run(['validate', 'fleet.yaml'])).toMatchObject({ code: 0 });
    expect(await ground.run(['init'])).toMatchObject({ code: 2 });
  });

  it('prints a draft-07 schema', async () => {
    await using ground = new MusterGround();
    expect(JSON.parse((await ground.run(['schema'])).stdout)).toMatchObject({
      $schema: expect.stringContaining('draft-07') as string,
    });
  });

  it('knows unknown fleets and an empty home without starting a server', async () => {
    await using ground = new MusterGround();
    const [list, status, results] = await Promise.all([
      ground.run(['list', '--output-format', 'json']),
      ground.run(['status', '@latest']),
      ground.run(['results', 'nope', '--format', 'jsonl']),
    ]);
    expect(list).toMatchObject({ code: 0, stdout: '[]\n' });
    expect(status).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'error: there is no fleet yet\n  muster run FILE starts one\n',
    });
    expect(results).toMatchObject({ code: 2, stdout: '' });
  });

  it('completes commands and flags in bash', async () => {
    await using ground = new MusterGround();
    const { stdout } = await ground.run(['completion', 'bash']);
    const complete = (...words: string[]): string[] => {
      const script = `${stdout}\nCOMP_WORDS=(${words.join(' ')}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _muster; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('/bin/bash', ['-c', script]).toString().trim().split('\n');
    };
    expect(complete('muster', 'sta')).toEqual(['status']);
    expect(complete('muster', 'run', '--sim')).toEqual(['--simulate']);
    expect(complete('muster', 'watch', '@')).toEqual(['@latest']);
    expect(complete('muster', 'schedule', 'tri')).toEqual(['trigger']);
    expect(complete('muster', 'schedule', 'create', '--jit')).toEqual(['--jitter']);
  });

  it('colours only where it may', async () => {
    await using ground = new MusterGround({ 'fleet.yaml': FLEET });
    const text = (env: Record<string, string>): Promise<string> =>
      ground.run(['doctor'], { env }).then(({ stdout }) => stdout);
    const [plain, forced, off] = await Promise.all([
      text({}),
      text({ CLICOLOR_FORCE: '1' }),
      text({ CLICOLOR_FORCE: '1', NO_COLOR: '1' }),
    ]);
    expect(plain).toBe(stripVTControlCharacters(plain));
    expect(forced).not.toBe(stripVTControlCharacters(forced));
    expect(off).toBe(stripVTControlCharacters(off));
  });
});
