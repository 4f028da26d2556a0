import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseScript } from '../../../activities/script/parse.ts';
import {
  hasPreview,
  INIT_TEMPLATES,
  initFile,
  initFileName,
  isScript,
  repositoriesFile,
} from '../../../client/spec/init-file.ts';
import { layoutOf } from '../../../client/spec/init-layout.ts';
import { fleetJsonSchema } from '../../../client/spec/json-schema.ts';
import { FleetDirectory } from './fleet-directory.ts';

const MONOREPO = {
  'packages/a/src/x.ts': '',
  'packages/b/src/y.ts': '',
  'packages/b/test/y.test.ts': '',
  'README.md': '',
};
const PLAIN = { 'src/x.py': '', 'src/deep/y.py': '', 'docs/guide.md': '', 'node_modules/z/index.js': '' };
const FLAT = { 'main.go': '', 'main_test.go': '' };

const fleets = INIT_TEMPLATES.filter((template) => !isScript(template));

describe.each([
  ['one with packages', MONOREPO],
  ['one with source directories', PLAIN],
  ['one without directories', FLAT],
])('in a repository, %s,', (_, files) => {
  it.each(fleets)('the fleet file %s loads without a warning, has tasks and fits the schema', async (template) => {
    using directory = new FleetDirectory(files);
    const layout = await layoutOf(directory.path);
    const text = initFile(template, layout);
    directory.write('repos.txt', repositoriesFile(layout));
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\/fleet\.schema\.json\n/);
    const plan = await directory.load(text);
    expect(plan.warnings).toEqual([]);
    expect(plan.tasks.length).toBeGreaterThan(0);
    const validate = new Ajv({ strict: false }).compile(fleetJsonSchema());
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
  });
});

describe('a template', () => {
  it.each(INIT_TEMPLATES.filter(isScript))('that is a script, %s, is one of Claude Code by its form', (template) => {
    const parsed = parseScript(initFile(template, { parts: [], examples: [], sources: [] }), template);
    expect(parsed).toMatchObject({ ok: true, meta: { name: template } });
  });

  it.each(INIT_TEMPLATES)('%s names the command that runs it, under the name it is written to', (template) => {
    const text = initFile(template, { parts: ['.'], examples: ['.'], sources: ['*'] });
    if (template === 'tasks' || template === 'targets') return;
    expect(text).toContain(`muster run ${initFileName(template)} --simulate`);
    if (hasPreview(template)) expect(text).toContain(`muster preview ${initFileName(template)}`);
  });
});

describe('the layout of a project', () => {
  it.each([
    [
      'packages',
      MONOREPO,
      { parts: ['packages/*/'], examples: ['packages/a', 'packages/b'], sources: ['packages/**/*.ts'] },
    ],
    ['sources', PLAIN, { parts: ['*/'], examples: ['docs', 'src'], sources: ['src/**/*.py'] }],
    ['files alone', FLAT, { parts: ['.'], examples: ['.'], sources: ['**/*.go'] }],
    ['nothing', {}, { parts: ['.'], examples: ['.'], sources: ['**/*'] }],
    [
      'two languages',
      { 'src/a.ts': '', 'src/b.tsx': '', 'src/c.md': '' },
      { parts: ['*/'], examples: ['src'], sources: ['src/**/*.{ts,tsx}'] },
    ],
  ])('is told from %s', async (_, files, layout) => {
    using directory = new FleetDirectory(files);
    expect(await layoutOf(directory.path)).toEqual(layout);
  });

  it('is that of an empty one where there is no such directory', async () => {
    expect(await layoutOf('/nowhere/at/all')).toEqual({ parts: ['.'], examples: ['.'], sources: ['**/*'] });
  });
});
