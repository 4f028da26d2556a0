import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Muster } from '../../client/library/muster.ts';
import type { Fleet } from '../../client/library/library.ts';
import { startSimulatedClaude, type SimulatedClaude } from '../../client/simulated/server.ts';
import { INIT_TEMPLATES, initFileName, type InitTemplate } from '../../client/spec/init-file.ts';
import { MusterGround } from '../support/muster-process.ts';
import {
  rowOf,
  TEMPLATE_RETURNS,
  TEMPLATE_ROWS,
  TEMPLATE_WORLD,
  templateAnswers,
  type Row,
} from '../support/template-world.ts';

interface Whole {
  name: string;
  status: string;
  result?: unknown;
  census: Record<string, number>;
  results: { label: string; changes?: { files: string[] } }[];
}

const TEMPLATES = INIT_TEMPLATES.filter((template) => !['tasks', 'targets'].includes(template));
const IDENTITY = ['-c', 'user.name=t', '-c', 'user.email=t@example.test'];
/** How many subagents each must have at least. */
const LEAST: Readonly<Partial<Record<InitTemplate, number>>> = { search: 4, impact: 6, generate: 7 };
/** What the scripts must have come to: their decisions rest on data, not on nothing. */
const RESULTS: Readonly<Partial<Record<InitTemplate, object>>> = {
  search: { unsearched: [] },
  impact: { blind: [], unjudged: [], decision: expect.any(String) as string, plan: expect.any(String) as string },
  generate: { file: 'GETTING-STARTED.md', judges: 3 },
};

function repository(): MusterGround {
  const ground = new MusterGround(TEMPLATE_WORLD);
  const git = (...args: string[]) => execFileSync('git', ['-C', ground.directory, ...IDENTITY, ...args]);
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-qm', 'one');
  return ground;
}

/** Every template as `muster init` writes it, in a small real repository, by the real program, with simulated Claude. */
describe('a template', () => {
  let ground: MusterGround;
  beforeAll(async () => {
    ground = repository();
    expect(await ground.run(['up', '--simulate'])).toMatchObject({ code: 0 });
  });
  afterAll(() => ground[Symbol.asyncDispose]());

  async function run(template: InitTemplate): Promise<Whole> {
    const file = initFileName(template);
    const written = await ground.run(['init', '--template', template]);
    expect(written).toMatchObject({ code: 0, stdout: '' });
    expect(written.stderr).toContain(`  muster run ${file} --simulate\n`);
    const flags = ['--simulate', '--wait', '2m', '--output-format', 'json', '--quiet'];
    const ran = await ground.run(['run', file, ...flags]);
    expect({ template, code: ran.code, talk: ran.stderr }).toEqual({ template, code: 0, talk: '' });
    return JSON.parse(ran.stdout) as Whole;
  }

  it.concurrent.each(TEMPLATES)('%s runs as it is, to its end', async (template) => {
    const { name, status, census, results, result } = await run(template);
    expect({ name, status }).toEqual({ name: template, status: 'completed' });
    expect(census).toMatchObject({ completed: results.length, failed: 0 });
    expect(results.length).toBeGreaterThanOrEqual(LEAST[template] ?? 3);
    if (RESULTS[template]) expect(result).toMatchObject(RESULTS[template]);
    const changed = results.flatMap(({ changes }) => changes?.files ?? []);
    expect(changed).toEqual(template === 'generate' ? ['GETTING-STARTED.md'] : []);
  });

  it('is never written over a file that is there, nor under a name that says something else', async () => {
    ground.write('taken.yaml', 'mine');
    const ran = await ground.run(['init', 'taken.yaml', '--template', 'docs']);
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('taken.yaml is there already') as string });
    expect(await ground.run(['init', 'x.yaml', '--template', 'search'])).toMatchObject({ code: 2 });
  });
});

/** The same with a Claude that does what they ask for, fails here and there, and goes beyond what it may. */
describe('a Claude that works finds in a template', () => {
  let ground: MusterGround;
  let claude: SimulatedClaude;
  let muster: Muster;
  beforeAll(async () => {
    ground = repository();
    for (const template of TEMPLATES)
      expect(await ground.run(['init', '--template', template])).toMatchObject({ code: 0 });
    claude = await startSimulatedClaude({ latency: 0, scripts: [templateAnswers] });
    const environment = { ...process.env, ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: claude.url };
    muster = await Muster.open({ cwd: ground.directory, home: ground.home, environment });
  });
  afterAll(async () => {
    await muster[Symbol.asyncDispose]();
    await ground[Symbol.asyncDispose]();
    await claude.close();
  });

  const rowsOf = async (fleet: Fleet): Promise<Row[]> => (await Array.fromAsync(fleet.allResults())).map(rowOf);

  it.concurrent.each(['search', 'impact', 'generate'] as const)(
    '%s a script that decides by what came out',
    async (name) => {
      const { result, error } = await (await muster.start({ script: `${name}.js` })).wait();
      expect({ result, error }).toEqual({ result: TEMPLATE_RETURNS[name], error: undefined });
    },
  );

  it.concurrent.each(['refactor', 'tests', 'docs'] as const)(
    '%s what may be changed and what is verified',
    async (name) => {
      const fleet = await muster.start({ file: `${name}.yaml` });
      expect((await fleet.wait()).view.status).toBe('completed');
      expect(await rowsOf(fleet)).toEqual(TEMPLATE_ROWS[name]);
    },
  );

  it.concurrent('cross-repo a gate that asks a person once a scout has failed', async () => {
    const fleet = await muster.start({ file: 'cross-repo.yaml' });
    const { view } = await fleet.wait();
    expect(view).toMatchObject({ status: 'paused', reason: 'approval', approvals: [{ kind: 'gate' }] });
    expect(view.census).toMatchObject({ completed: 1, failed: 1 });
    await fleet.approve();
    expect((await fleet.wait()).view.census).toMatchObject({ completed: 2, failed: 1 });
    expect(await rowsOf(fleet)).toEqual([
      ['docs', 'completed', ['docs/setting'], 0, []],
      ['scripts', 'failed', [], 0, []],
      ['src', 'completed', ['src/setting'], 0, []],
    ]);
  });
});
