import type { GuardFinding } from '../../workflows/contract/task.schema.ts';
import { secretKind } from '../observe/redaction.ts';

interface FileDiff {
  path: string;
  isDeleted: boolean;
  added: string[];
  removed: string[];
}

type Finding = Omit<GuardFinding, 'file'>;
type Guard = (file: FileDiff) => Finding | undefined;

const TEST_FILE =
  /(^|\/)(tests?|__tests__|specs?|testing)\/|(^|\/)test_[^/]+\.py$|[._-](test|spec)s?\.[a-z]+$|_test\.(go|py|rb|exs|dart)$|(Test|Tests|IT|Spec)\.(java|kt|cs|scala|groovy|swift)$/;
const CI_FILE =
  /^(\.github\/(workflows|actions)\/|\.gitlab-ci\.ya?ml$|\.gitlab\/ci\/|\.circleci\/|\.buildkite\/|\.travis\.yml$|azure-pipelines.*\.ya?ml$|bitbucket-pipelines\.yml$|Jenkinsfile)|(^|\/)(\.pre-commit-config\.yaml|lefthook\.ya?ml)$/;
const LINT_FILE =
  /(^|\/)(\.eslintrc[^/]*|eslint\.config\.[^/]+|\.?biome\.jsonc?|tsconfig[^/]*\.json|\.?ruff\.toml|\.flake8|\.pylintrc|mypy\.ini|\.mypy\.ini|\.golangci\.[^/]+|\.rubocop[^/]*\.yml|clippy\.toml|detekt[^/]*\.yml|checkstyle[^/]*\.xml|\.stylelintrc[^/]*|\.prettierrc[^/]*|\.editorconfig|sonar-project\.properties|codecov\.ya?ml|\.coveragerc)$/;

/** A test case begins here, in the languages people write them in. */
const TEST_CASE =
  /^\s*(?:[xf]?(?:it|test|describe|specify|scenario)(?:\.\w+)*\s*[(`]|(?:async )?def test_|func (?:Test|Benchmark|Fuzz)\w*\(|@(?:Test|ParameterizedTest|Fact|Theory)\b|\[(?:Test|Fact|Theory)\b|#\[(?:tokio::)?test\]|class Test\w+)/;
const SKIPPED =
  /\b(?:it|test|describe|context|suite)\.(?:skip|todo|fixme|only|skipIf|runIf)\b|(?:^|\s)(?:xit|xtest|xdescribe|xcontext|fit|fdescribe)\s*\(|@pytest\.mark\.(?:skip|xfail)|@unittest\.skip|\bpytest\.skip\(|\bself\.skipTest\(|\b[tb]\.Skip(?:Now|f)?\(|@(?:Disabled|Ignore)\b|#\[ignore\b|\[Ignore\b|\bSkip\s*=\s*"|\bskip:\s*(?:true|['"])|^\s*(?:pending|skip)[ (]/;
const CI_LENIENT =
  /continue-on-error:\s*true|allow_failure:\s*true|\|\|\s*(?:true|:|exit 0)\b|\bif:\s*(?:\$\{\{\s*)?false\b|\bset \+e\b|--no-verify\b|when:\s*(?:never|manual)\b/;
const LINT_LENIENT =
  /["']?off["']?\s*[,}\]]|:\s*(?:0|["']off["'])\s*,?$|["']?(?:strict|noImplicitAny|strictNullChecks|noUncheckedIndexedAccess|checkJs)["']?\s*:\s*false|\b(?:ignore|ignores|exclude|disable|disabled|extend-ignore|per-file-ignores|skipLibCheck)\b|Enabled:\s*false|fail_under|threshold/i;
const LINT_SILENCED =
  /eslint-disable|@ts-(?:ignore|nocheck|expect-error)|biome-ignore|#\s*noqa|#\s*type:\s*ignore|pylint:\s*disable|\/\/\s*nolint|rubocop:disable|#!?\[allow\(|@SuppressWarnings|@Suppress\(|NOSONAR|istanbul ignore|c8 ignore|pragma: no cover/;
const CHECKING_SCRIPT = /^\s*"(?:pre|post)?(?:test|lint|check|types|typecheck|verify|ci|coverage)[\w:.-]*"\s*:/;

/**
 * What a reviewer should look at in a subagent's changes: tests it deleted or switched off, checks it made weaker, files it
 * changed outside its scope, secrets it wrote down. Found by form, in the changed lines only: a finding is a question and
 * not a verdict, so it never changes the status. `patch` is git's, `outside` the paths that were taken out of it.
 */
export function guardFindings(patch: string, outside: readonly string[]): GuardFinding[] {
  const found = filesOf(patch).flatMap((file) =>
    GUARDS.flatMap((guard) => {
      const finding = guard(file);
      return finding ? [{ file: file.path, ...finding }] : [];
    }),
  );
  const detail = 'changed by a command, outside what its permissions let it edit; not in the patch';
  return [...found, ...outside.map((file) => ({ guard: 'outside_scope' as const, file, detail }))];
}

const GUARDS: readonly Guard[] = [
  (file) => {
    if (!TEST_FILE.test(file.path)) return undefined;
    if (file.isDeleted) return { guard: 'tests_deleted', detail: 'the file is deleted' };
    const fewer = count(file.removed, TEST_CASE) - count(file.added, TEST_CASE);
    return fewer > 0 ? { guard: 'tests_deleted', detail: `${fewer.toString()} test cases fewer` } : undefined;
  },
  (file) =>
    TEST_FILE.test(file.path)
      ? newLine(file, SKIPPED, (line) => ({ guard: 'tests_skipped', detail: line }))
      : undefined,
  (file) => {
    if (!CI_FILE.test(file.path)) return checkingScript(file);
    if (file.isDeleted) return { guard: 'ci_weakened', detail: 'the file is deleted' };
    const lenient = newLine(file, CI_LENIENT, (line) => ({ guard: 'ci_weakened', detail: line }));
    return lenient ?? shorter(file, 'ci_weakened');
  },
  (file) => {
    const silenced = newLine(file, LINT_SILENCED, (line) => ({ guard: 'lint_weakened', detail: line }));
    if (silenced || !LINT_FILE.test(file.path)) return silenced;
    if (file.isDeleted) return { guard: 'lint_weakened', detail: 'the file is deleted' };
    const lenient = newLine(file, LINT_LENIENT, (line) => ({ guard: 'lint_weakened', detail: line }));
    return lenient ?? shorter(file, 'lint_weakened');
  },
  (file) => {
    const kind = secretKind(file.added.join('\n'));
    return kind === undefined
      ? undefined
      : { guard: 'secret_added', detail: `it adds what looks like a secret: ${kind}` };
  },
];

/** Scripts of package.json that check the rest. */
function checkingScript({ path, added, removed }: FileDiff): Finding | undefined {
  if (!/(^|\/)package\.json$/.test(path)) return undefined;
  const gone = removed.find((line) => CHECKING_SCRIPT.test(line) && !added.some((other) => sameButComma(line, other)));
  return gone === undefined ? undefined : { guard: 'ci_weakened', detail: `changed or removed: ${shown(gone)}` };
}

const sameButComma = (a: string, b: string): boolean => a.trim().replace(/,$/, '') === b.trim().replace(/,$/, '');

/** The first added line of that form which was not there before. */
function newLine({ added, removed }: FileDiff, form: RegExp, found: (line: string) => Finding): Finding | undefined {
  const before = new Set(removed.map((line) => line.trim()));
  const line = added.find((text) => form.test(text) && !before.has(text.trim()));
  return line === undefined ? undefined : found(`new: ${shown(line)}`);
}

function shorter({ added, removed }: FileDiff, guard: Finding['guard']): Finding | undefined {
  const isContent = (line: string): boolean => /\S/.test(line) && !/^\s*(#|\/\/)/.test(line);
  const fewer = removed.filter(isContent).length - added.filter(isContent).length;
  return fewer > 0 ? { guard, detail: `${fewer.toString()} lines fewer` } : undefined;
}

const count = (lines: readonly string[], form: RegExp): number => lines.filter((line) => form.test(line)).length;

function shown(line: string): string {
  const text = line.trim();
  return secretKind(text) ? '[hidden]' : text.length > 160 ? `${text.slice(0, 159)}…` : text;
}

/** The files of a git patch with their changed lines; contents of binary files are none. */
function filesOf(patch: string): FileDiff[] {
  const files: FileDiff[] = [];
  let file: FileDiff | undefined;
  let left = { old: 0, new: 0 };
  for (const line of patch.split('\n')) {
    if (file && (left.old > 0 || left.new > 0)) {
      takeLine(file, line, left);
    } else if (line.startsWith('diff --git ')) {
      files.push((file = { path: pathOf(line), isDeleted: false, added: [], removed: [] }));
    } else if (file && line.startsWith('deleted file mode ')) file.isDeleted = true;
    else if (line.startsWith('@@ ')) left = hunkOf(line);
  }
  return files;
}

/** One line of a hunk; `left` counts what the hunk's head announced, so that no content can pass for a head. */
function takeLine(file: FileDiff, line: string, left: { old: number; new: number }): void {
  if (line.startsWith('+')) {
    file.added.push(line.slice(1));
    left.new--;
  } else if (line.startsWith('-')) {
    file.removed.push(line.slice(1));
    left.old--;
  } else if (!line.startsWith('\\')) {
    left.old--;
    left.new--;
  }
}

function hunkOf(head: string): { old: number; new: number } {
  const [, old = '1', fresh = '1'] = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(head) ?? [];
  return { old: Number(old), new: Number(fresh) };
}

/** The new path. Both names are equal (renames are off), so half of the text is one of them. */
function pathOf(head: string): string {
  const names = head.slice('diff --git '.length);
  const second = names.slice((names.length + 1) / 2);
  return second.startsWith('"') ? unquoted(second).slice(2) : second.slice(2);
}

/** git's quoting of a name: C escapes, bytes in octal. */
function unquoted(name: string): string {
  const bytes: number[] = [];
  const letters: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };
  for (const [, octal, letter, plain] of name.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gs)) {
    if (octal !== undefined) bytes.push(parseInt(octal, 8));
    else if (letter !== undefined) bytes.push(letters[letter] ?? letter.charCodeAt(0));
    else bytes.push(...Buffer.from(plain ?? ''));
  }
  return Buffer.from(bytes).toString();
}
