import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INIT_TEMPLATES, initFileName, type InitTemplate } from '../../client/spec/init-file.ts';
import { MusterGround } from '../support/muster-process.ts';

interface Whole {
  id: string;
  name: string;
  status: string;
  result?: unknown;
  census: Record<string, number>;
  results: { label: string; status: string; changes?: { files: string[] } }[];
}

const TEMPLATES = INIT_TEMPLATES.filter((template) => !['tasks', 'targets'].includes(template));
const IDENTITY = ['-c', 'user.name=t', '-c', 'user.email=t@example.test'];
const FILES = {
  'README.md': '# A project\n',
  'src/parser/read.ts': 'export const read = (text: string) => text.split(",");\n',
  'src/parser/write.ts': 'export const write = (cells: string[]) => cells.join(",");\n',
  'src/store/memory.ts': 'export const store = new Map<string, string>();\n',
  'docs/guide.md': '# Guide\n',
  'scripts/build.sh': 'echo build\n',
};
/** How many subagents each must have at least. */
const LEAST: Readonly<Partial<Record<InitTemplate, number>>> = { tests: 3, search: 4, impact: 6, generate: 7 };

/** Every template as `muster init` writes it, in a small real repository, by the real program, with simulated Claude. */
describe('a template', () => {
  let ground: MusterGround;
  beforeAll(async () => {
    ground = new MusterGround(FILES);
    const git = (...args: string[]) => execFileSync('git', ['-C', ground.directory, ...IDENTITY, ...args]);
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-qm', 'one');
    expect(await ground.run(['up', '--simulate'])).toMatchObject({ code: 0 });
  });
  afterAll(() => ground[Symbol.asyncDispose]());

  async function run(template: InitTemplate): Promise<Whole> {
    const file = initFileName(template);
    const written = await ground.run(['init', '--template', template]);
    expect(written).toMatchObject({ code: 0, stdout: '' });
    expect(written.stderr).toContain(`  muster run ${file} --simulate\n`);
    const ran = await ground.run(['run', file, '--simulate', '--wait', '2m', '--output-format', 'json', '--quiet']);
    expect({ template, code: ran.code, talk: ran.stderr }).toEqual({ template, code: 0, talk: '' });
    return JSON.parse(ran.stdout) as Whole;
  }

  it.concurrent.each(TEMPLATES)('%s runs as it is, to its end', async (template) => {
    const { name, status, census, results, result } = await run(template);
    expect({ name, status }).toEqual({ name: template, status: 'completed' });
    expect(census).toMatchObject({ completed: results.length, failed: 0 });
    expect(results.length).toBeGreaterThanOrEqual(LEAST[template] ?? 3);
    if (initFileName(template).endsWith('.js')) expect(result).toMatchObject(RESULTS[template]!);
    const changed = results.flatMap(({ changes }) => changes?.files ?? []);
    expect(changed).toEqual(template === 'generate' ? ['GETTING-STARTED.md'] : []);
  });

  it('is never written over a file that is there', async () => {
    ground.write('taken.yaml', 'mine');
    const ran = await ground.run(['init', 'taken.yaml', '--template', 'docs']);
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('taken.yaml is there already') as string });
    expect(await ground.run(['init', 'x.yaml', '--template', 'search'])).toMatchObject({ code: 2 });
  });
});

/** What the scripts must have come to: their decisions rest on data, not on nothing. */
const RESULTS: Readonly<Partial<Record<InitTemplate, object>>> = {
  search: { unsearched: [] },
  impact: { blind: [], unjudged: [], decision: expect.any(String) as string, plan: expect.any(String) as string },
  generate: { file: 'GETTING-STARTED.md', judges: 3 },
};
