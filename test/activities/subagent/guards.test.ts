import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { guardFindings } from '../../../activities/subagent/guards.ts';

const directories: string[] = [];
afterEach(() => directories.splice(0).forEach((directory) => rmSync(directory, { recursive: true })));

type Files = Record<string, string | null>;

/** The patch git makes between two states; null deletes. */
function patchOf(before: Files, after: Files): string {
  const root = mkdtempSync(join(tmpdir(), 'muster-guards-'));
  directories.push(root);
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: root, encoding: 'utf8' });
  const write = (files: Files): void => {
    for (const [path, text] of Object.entries(files)) {
      if (text === null) rmSync(join(root, path));
      else {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), text);
      }
    }
    git('add', '-A');
  };
  git('init', '-q');
  write(before);
  git('commit', '-q', '--allow-empty', '-m', 'a');
  write(after);
  return git('diff', '--cached', '--binary', '--full-index', '--no-renames');
}

const lines = (...all: string[]): string => `${all.join('\n')}\n`;

test.each<[what: string, before: Files, after: Files, guard: string]>([
  ['a deleted test file', { 'test/a.test.ts': 'test("a", f)\n' }, { 'test/a.test.ts': null }, 'tests_deleted'],
  [
    'a test case fewer',
    { 'src/a_test.go': lines('func TestA(t *testing.T) {}', 'func TestB(t *testing.T) {}') },
    { 'src/a_test.go': 'func TestA(t *testing.T) {}\n' },
    'tests_deleted',
  ],
  ['a skipped test', { 'a.spec.js': 'it("x", f)\n' }, { 'a.spec.js': 'it.skip("x", f)\n' }, 'tests_skipped'],
  ['a lone test', { 'a.test.js': 'it("x", f)\n' }, { 'a.test.js': 'it.only("x", f)\n' }, 'tests_skipped'],
  [
    'a pytest mark',
    { 'tests/test_a.py': 'def test_a(): pass\n' },
    { 'tests/test_a.py': lines('@pytest.mark.skip', 'def test_a(): pass') },
    'tests_skipped',
  ],
  [
    'a JUnit mark',
    { 'src/test/ATest.java': '@Test void a() {}\n' },
    { 'src/test/ATest.java': lines('@Disabled', '@Test void a() {}') },
    'tests_skipped',
  ],
  [
    'a deleted workflow',
    { '.github/workflows/ci.yml': 'on: push\n' },
    { '.github/workflows/ci.yml': null },
    'ci_weakened',
  ],
  [
    'a lenient CI step',
    { '.gitlab-ci.yml': lines('test:', '  script: npm test') },
    { '.gitlab-ci.yml': lines('test:', '  script: npm test || true') },
    'ci_weakened',
  ],
  [
    'a CI step fewer',
    { '.github/workflows/ci.yml': lines('- run: npm test', '- run: npm run lint') },
    { '.github/workflows/ci.yml': '- run: npm test\n' },
    'ci_weakened',
  ],
  [
    'another test script',
    { 'package.json': lines('{', '"scripts": {', '  "test": "vitest run"', '}', '}') },
    { 'package.json': lines('{', '"scripts": {', '  "test": "true"', '}', '}') },
    'ci_weakened',
  ],
  [
    'a rule switched off',
    { 'eslint.config.js': lines('rules: {', "  'no-var': 'error',", '}') },
    { 'eslint.config.js': lines('rules: {', "  'no-var': 'off',", '}') },
    'lint_weakened',
  ],
  [
    'less strict types',
    { 'tsconfig.json': '{"strict": true}\n' },
    { 'tsconfig.json': '{"strict": false}\n' },
    'lint_weakened',
  ],
  ['a silenced line', { 'src/a.ts': 'x\n' }, { 'src/a.ts': lines('// @ts-ignore', 'x') }, 'lint_weakened'],
  ['a silenced line of Python', { 'a.py': 'x\n' }, { 'a.py': 'x  # noqa: E501\n' }, 'lint_weakened'],
  ['a token', { 'a.ts': 'x\n' }, { 'a.ts': `const t = "ghp_${'a1B2'.repeat(9)}"\n` }, 'secret_added'],
])('names %s', (_, before, after, guard) => {
  expect(guardFindings(patchOf(before, after), []).map((finding) => finding.guard)).toEqual([guard]);
});

test.each<[what: string, before: Files, after: Files]>([
  ['a new test', { 'test/a.test.ts': '\n' }, { 'test/a.test.ts': 'test("a", f)\n' }],
  ['a test that is rewritten', { 'a.test.ts': 'test("a", f)\n' }, { 'a.test.ts': 'test("b", g)\n' }],
  ['a test that is no longer skipped', { 'a.test.ts': 'it.skip("a", f)\n' }, { 'a.test.ts': 'it("a", f)\n' }],
  ['a skip that moves', { 'a.test.ts': lines('it.skip("a", f)', 'x') }, { 'a.test.ts': lines('x', 'it.skip("a", f)') }],
  [
    'a CI step more',
    { '.github/workflows/ci.yml': '- run: a\n' },
    { '.github/workflows/ci.yml': lines('- run: a', '- run: b') },
  ],
  ['a dependency', { 'package.json': '{"a": 1}\n' }, { 'package.json': lines('{"a": 1,', '"b": 2}') }],
  [
    'a comma behind the test script',
    { 'package.json': lines('"test": "x"') },
    { 'package.json': lines('"test": "x",', '"b": "y"') },
  ],
  ['code that skips', { 'src/list.ts': 'x\n' }, { 'src/list.ts': 'list.skip(3)\n' }],
  ['a binary file', { 'a.png': 'x\n' }, { 'a.png': `\0\u0001@ts-ignore${'\0'.repeat(99)}` }],
])('says nothing of %s', (_, before, after) => {
  expect(guardFindings(patchOf(before, after), [])).toEqual([]);
});

test('names files changed outside the scope', () => {
  expect(guardFindings('', ['.npmrc'])).toEqual([
    { guard: 'outside_scope', file: '.npmrc', detail: expect.stringContaining('not in the patch') as string },
  ]);
});

test('is not misled by content that looks like the head of a diff', () => {
  const body = lines('diff --git a/x b/test/a.test.ts', 'deleted file mode 100644', '@@ -0,0 +1,1 @@', '+it.skip("a")');
  expect(guardFindings(patchOf({ 'notes.md': '\n' }, { 'notes.md': body }), [])).toEqual([]);
});

test('reads names that git quotes', () => {
  const [finding] = guardFindings(patchOf({}, { 'tests/ä"b.test.js': 'it.skip("a")\n' }), []);
  expect(finding?.file).toBe('tests/ä"b.test.js');
});

test('never repeats a secret in what it says', () => {
  const token = `ghp_${'a1B2'.repeat(9)}`;
  const found = guardFindings(patchOf({ 'a.test.js': '' }, { 'a.test.js': `it.skip("${token}")\n` }), []);
  expect(found).toHaveLength(2);
  expect(JSON.stringify(found)).not.toContain(token);
});
