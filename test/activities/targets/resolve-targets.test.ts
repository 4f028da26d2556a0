import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { resolveTargets } from '../../../activities/targets/resolve-targets.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'muster-targets-'));
  for (const file of ['a/x.ts', 'a/y.js', 'b/x.ts', 'c/.fleetignore', 'node_modules/d/x.ts', 'top.ts']) write(file, '');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(base, file)), { recursive: true });
  writeFileSync(join(base, file), text);
}
const names = async (entries: Parameters<typeof resolveTargets>[0], exclude: string[] = []): Promise<string[]> =>
  (await resolveTargets(entries, { base, exclude })).targets.map(({ name }) => name);

test('a glob takes files, and directories when it ends with a slash', async () => {
  await expect(names(['**/*.ts'])).resolves.toEqual(['a/x.ts', 'b/x.ts', 'top.ts']);
  await expect(names(['*/'])).resolves.toEqual(['a', 'b']);
});

test('excludes come last and each target counts once', async () => {
  await expect(names(['b', 'a', './a', '*/'], ['b*'])).resolves.toEqual(['a']);
});

test('a directory that opted out is left out and said so', async () => {
  const { targets, warnings } = await resolveTargets(['c', 'a'], { base, exclude: [] });
  expect(targets).toEqual([{ kind: 'directory', name: 'a', directory: join(base, 'a') }]);
  expect(warnings).toEqual(['c is left out: it holds .fleetignore']);
});

test('text lists and CSV lists name directories and repositories with their refs', async () => {
  write('repos.txt', '# all\n\na\nhttps://h/t/app.git#main # ours\n');
  write('repos.csv', '\uFEFFcloneUrl,branch,path,"team, owner"\r\ngit@h:t/lib.git,dev,,"x, ""y"""\n');
  const { targets, problems } = await resolveTargets(['repos.txt', 'repos.csv'], { base, exclude: [] });
  expect(problems).toEqual([]);
  expect(targets).toEqual([
    { kind: 'directory', name: 'a', directory: join(base, 'a') },
    { kind: 'repository', name: 'app', url: 'https://h/t/app.git', ref: 'main' },
    { kind: 'repository', name: 'lib', url: 'git@h:t/lib.git', ref: 'dev' },
  ]);
});

test('repositories of one name are told apart by what precedes it', async () => {
  await expect(names(['https://h/one/app.git', 'https://h/two/app.git'])).resolves.toEqual(['one/app', 'two/app']);
});

test('what cannot be a target is a problem of its entry, a glob without a match a warning', async () => {
  write('bad.txt', 'a\nnowhere\n');
  const found = await resolveTargets(['nope', 'bad.txt', { url: 'https://me:pw@h/a.git' }, '*.zip'], {
    base,
    exclude: [],
  });
  expect(found.problems.map(({ entry, message }) => [entry, message.replaceAll(base, '')])).toEqual([
    [0, 'the target "nope" does not exist'],
    [1, '/bad.txt:2: "nowhere" is neither a directory, a file nor a git URL'],
    [2, 'the git URL holds a credential'],
  ]);
  expect(found.warnings).toEqual(['the target "*.zip" matches nothing']);
});
