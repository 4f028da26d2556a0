import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { MusterGround, PROGRAM, ended, type Ran } from '../support/muster-process.ts';
import { readXml } from '../support/read-xml.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');

const FLEET = `
name: migration
params: { word: { default: Look } }
failIf: { rate: 0.9 }
tasks:
  - { label: a, prompt: "[[simulate turns=1]] \${{ params.word }}" }
  - { label: b, prompt: "[[simulate turns=1 fault=bad_request times=0]] Fail" }
`;

let ground: MusterGround;
beforeAll(() => {
  ground = new MusterGround({
    'fleet.yaml': FLEET,
    'strict.yaml': FLEET.replace('rate: 0.9', 'count: 1'),
    'fine.yaml': 'name: fine\ntasks: [{ label: a, prompt: "[[simulate turns=1]] Look" }]\n',
    'slow.yaml': 'name: slow\ntasks: [{ label: a, prompt: "[[simulate turns=400 latency=1s]] Slow" }]\n',
    'bad.yaml': 'name: bad\ntasks: [{ lable: a, prompt: Look }]\n',
    'evil.js': [
      "export const meta = { name: 'evil', description: 'says what a runner might obey' };",
      "log('::set-output name=status::completed');",
      "log('::error::not of muster');",
      "return '::add-mask::x';",
    ].join('\n'),
  });
  mkdirSync(join(ground.path, 'bin'));
  writeFileSync(join(ground.path, 'bin/muster'), `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
  chmodSync(join(ground.path, 'bin/muster'), 0o755);
});
afterAll(() => ground[Symbol.asyncDispose]());

/** The environment of a job: no terminal, nothing but what a runner sets. */
const jobEnvironment = (more: Record<string, string>): Record<string, string> => ({
  PATH: `${join(ground.path, 'bin')}:${process.env['PATH']}`,
  HOME: process.env['HOME']!,
  MUSTER_HOME: ground.home,
  ...(process.env['MUSTER_TEMPORAL_BINARY'] && { MUSTER_TEMPORAL_BINARY: process.env['MUSTER_TEMPORAL_BINARY'] }),
  ...more,
});

describe('the GitHub action', () => {
  const file = (name: string): string => join(ground.path, name);
  let runId = 0;
  beforeEach(() => {
    for (const name of ['output', 'summary']) rmSync(file(name), { force: true });
    runId++;
  });

  const step = (inputs: Record<string, string>): Promise<Ran> => ended(start(inputs));

  /** As a runner runs the step: inputs, the files it writes to, and a run of its own. */
  function start(inputs: Record<string, string>): ChildProcessWithoutNullStreams {
    const given = Object.entries({ simulate: 'true', ...inputs }).map(([name, value]) => [
      `INPUT_${name.toUpperCase().replaceAll('-', '_')}`,
      value,
    ]);
    const env = jobEnvironment({
      ...{ GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'org/repo', GITHUB_WORKFLOW: 'nightly' },
      ...{ GITHUB_RUN_ID: String(runId), GITHUB_SERVER_URL: 'https://github.example' },
      ...{ GITHUB_WORKSPACE: ground.path, GITHUB_OUTPUT: file('output'), GITHUB_STEP_SUMMARY: file('summary') },
      ...Object.fromEntries(given),
    });
    const child = spawn(process.execPath, [join(DEPLOY, 'action/run.mjs')], { cwd: ground.directory, env });
    child.stdin.end();
    return child;
  }

  function outputs(): Record<string, string> {
    const lines = existsSync(file('output')) ? readFileSync(file('output'), 'utf8').split('\n').filter(Boolean) : [];
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  it('runs a fleet, fails as it did, and tells outputs, summary, JUnit and SARIF', async () => {
    const ran = await step({ file: 'fleet.yaml', params: 'word=Find\n', junit: 'report.xml', sarif: 'report.sarif' });
    expect(ran.code).toBe(3);
    const told = outputs();
    expect(told).toMatchObject({ status: 'completed', completed: '1', failed: '1' });
    expect(told['url']).toBe(`https://github.example/org/repo/actions/runs/${runId}`);
    expect(Number(told['cost-usd'])).toBeGreaterThan(0);
    expect(JSON.parse(told['summary-json']!)).toMatchObject({ id: told['fleet-id'], name: 'migration', count: 2 });
    const summary = readFileSync(file('summary'), 'utf8');
    expect(summary).toContain(`Fleet \`${told['fleet-id']}\``);
    expect(summary.match(/^### /gm)).toHaveLength(1);
    expect(summary).toMatch(/^- 1 × `Claude\.BadRequest`/m);
    expect(readXml(readFileSync(join(ground.directory, 'report.xml'), 'utf8'))[0]).toBe('testsuites');
    expect(JSON.parse(readFileSync(join(ground.directory, 'report.sarif'), 'utf8'))).toMatchObject({
      version: '2.1.0',
    });
    // The same job again: the same fleet, which has ended.
    rmSync(file('output'));
    expect((await step({ file: 'fleet.yaml', params: 'word=Find' })).code).toBe(3);
    expect(outputs()['fleet-id']).toBe(told['fleet-id']);
  });

  it.each([
    ['threshold', 'fleet.yaml', 0, 'completed'],
    ['threshold', 'strict.yaml', 3, 'failed'],
    ['never', 'strict.yaml', 0, 'failed'],
    ['never', 'bad.yaml', 2, undefined],
  ])('fails by fail-on %s with %s: %i', async (failOn, name, code, status) => {
    expect((await step({ file: name, 'fail-on': failOn })).code).toBe(code);
    expect(outputs()['status']).toBe(status);
  });

  it('marks the faults of a file where they stand, and starts nothing', async () => {
    const ran = await step({ file: 'bad.yaml' });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(/^::error file=work\/bad\.yaml,line=2,col=\d+::.*lable/m);
    expect(outputs()).toEqual({});
  });

  it('checks a file and lists its targets in a dry run', async () => {
    const ran = await step({ file: 'fine.yaml', 'dry-run': 'true' });
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/fine\.yaml is valid/) });
    expect(outputs()).toEqual({ status: 'valid' });
  });

  it('starts a fleet and leaves, or leaves after a time; a fleet that goes on is no failure when nothing shall be', async () => {
    const left = await step({ file: 'slow.yaml', wait: 'false' });
    expect(left.code).toBe(0);
    expect(outputs()).toMatchObject({ status: 'running', completed: '0' });
    const id = outputs()['fleet-id']!;
    expect(readFileSync(file('summary'), 'utf8')).toContain('slow: started');
    const waited = await step({ file: 'slow.yaml', timeout: '1s' });
    expect(waited.code).toBe(8);
    expect(outputs()['fleet-id']).toBe(id);
    expect((await step({ file: 'slow.yaml', timeout: '1s', 'fail-on': 'never' })).code).toBe(0);
    await ground.run(['cancel', id]);
  });

  it('ended by its runner, has told the id of a fleet that goes on', async () => {
    const child = start({ file: 'slow.yaml' });
    const ran = ended(child);
    await expect.poll(() => outputs()['fleet-id']).toBeDefined();
    child.kill('SIGTERM');
    expect((await ran).code).toBe(143);
    expect(outputs()['status']).toBe('running');
    await ground.run(['cancel', outputs()['fleet-id']!]);
  });

  it('lets no word of a fleet reach the runner as a command', async () => {
    const ran = await step({ file: 'evil.js' });
    expect(ran.code).toBe(0);
    const token = /^::stop-commands::(\S+)$/m.exec(ran.stdout)![1]!;
    const [before, meanwhile, after] = ran.stdout.split(new RegExp(`^::(?:stop-commands::)?${token}(?:::)?$`, 'm'));
    expect(`${before}${after}`).not.toMatch(/^\s*::/m);
    expect(`${meanwhile}${ran.stderr}`).not.toMatch(/^\s*::/m);
    expect(meanwhile).toContain('› ::add-mask::x');
  });

  it.each([
    [{ file: '' }, /file is missing/],
    [{ file: 'none.yaml' }, /there is no file none\.yaml/],
    [{ file: 'fine.yaml', 'fail-on': 'some' }, /fail-on is "some": write any or threshold or never/],
    [{ file: 'fine.yaml', wait: 'yes' }, /wait is "yes"/],
    [{ file: 'fine.yaml', params: '; touch x' }, /no KEY=VALUE/],
    [{ file: 'fine.yaml', muster: 'muster-of-nowhere' }, /muster-of-nowhere does not start \(ENOENT\)/],
  ])('refuses the inputs %j', async (inputs, message) => {
    const ran = await step(inputs);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toMatch(/^::error::/);
    expect(ran.stdout).toMatch(message);
    expect(outputs()).toEqual({});
  });

  it('hands inputs over as they are, whatever a shell would make of them', async () => {
    const ran = await step({ file: 'fleet.yaml', params: 'word=$(touch pwned) `touch pwned` "; touch pwned; #' });
    expect(ran.code).toBe(3);
    expect(existsSync(join(ground.directory, 'pwned'))).toBe(false);
  });
});

describe('the GitLab component', () => {
  const text = readFileSync(join(DEPLOY, 'gitlab/template.yml'), 'utf8');
  const [header] = parseAllDocuments(text).map((document) => document.toJS() as Record<string, unknown>);
  const { inputs } = header!['spec'] as { inputs: Record<string, { default?: unknown }> };

  /** As GitLab does it: inputs into the text, then the script in a shell that ends at the first failure. */
  async function job(given: Record<string, unknown>, pipeline = '1'): Promise<Ran> {
    rmSync(join(ground.directory, 'muster.env'), { force: true });
    const filled = text.split('\n---\n')[1]!.replace(/\$\[\[ inputs\.([\w-]+) \]\]/g, (_, name: string) => {
      const value = given[name] ?? inputs[name]!.default;
      return typeof value === 'string' ? value : JSON.stringify(value);
    });
    const [body] = parseAllDocuments(filled).map((document) => document.toJS() as Record<string, unknown>);
    const { script, variables } = Object.values(body!)[0] as {
      script: string[];
      variables: Record<string, { value: unknown }>;
    };
    const env = jobEnvironment({
      ...{ CI_PROJECT_PATH: 'org/repo', CI_JOB_NAME: 'muster', CI_PIPELINE_ID: pipeline },
      ...Object.fromEntries(Object.entries(variables).map(([name, { value }]) => [name, String(value)])),
    });
    const child = spawn('sh', ['-ec', script.join('\n')], { cwd: ground.directory, env });
    child.stdin.end();
    return ended(child);
  }
  const variables = (): string => readFileSync(join(ground.directory, 'muster.env'), 'utf8');

  it('runs a fleet, fails as it did, and leaves a JUnit report and variables', async () => {
    const ran = await job({ file: 'fleet.yaml', params: ['word=$(touch pwned) it'], simulate: true }, '7');
    expect(ran.code).toBe(3);
    expect(existsSync(join(ground.directory, 'pwned'))).toBe(false);
    expect(variables()).toMatch(
      /^MUSTER_FLEET_ID=\w{8}\nMUSTER_STATUS=completed\nMUSTER_COMPLETED=1\nMUSTER_FAILED=1\n/,
    );
    const summary = /^MUSTER_SUMMARY_JSON=(.*)$/m.exec(variables())![1]!;
    expect(JSON.parse(summary)).toMatchObject({ name: 'migration', count: 2 });
    const id = /^MUSTER_FLEET_ID=(.*)$/m.exec(variables())![1]!;
    expect(readXml(readFileSync(join(ground.directory, 'muster-junit.xml'), 'utf8'))[0]).toBe('testsuites');
    const again = await job({ file: 'fleet.yaml', simulate: true, 'fail-on': 'threshold' }, '7');
    expect(again.code).toBe(0);
    expect(variables()).toContain(`MUSTER_FLEET_ID=${id}\n`);
  });

  it('fails on a file with faults whatever fail-on says, checks one in a dry run, and leaves one under way', async () => {
    expect((await job({ file: 'bad.yaml', simulate: true, 'fail-on': 'never' })).code).toBe(2);
    const dry = await job({ file: 'fine.yaml', 'dry-run': true });
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('fine.yaml is valid') });
    const left = await job({ file: 'slow.yaml', simulate: true, timeout: '1s' }, '8');
    expect(left.code).toBe(8);
    expect(variables()).toContain('MUSTER_STATUS=running\n');
    expect((await job({ file: 'slow.yaml', simulate: true, wait: false }, '8')).code).toBe(0);
    await ground.run(['cancel', /^MUSTER_FLEET_ID=(.*)$/m.exec(variables())![1]!]);
  });
});
