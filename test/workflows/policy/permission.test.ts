import fc from 'fast-check';
import ignore from 'ignore';
import { expect, test } from 'vitest';
import { resolveGrant } from '../../../client/spec/permissions.ts';
import type { Grant } from '../../../workflows/contract/task.schema.ts';
import { decide, type Decision, type PermissionRequest } from '../../../workflows/policy/permission.ts';

const KINDS: Readonly<Record<string, PermissionRequest['kind']>> = {
  Read: 'read',
  Glob: 'search',
  Grep: 'search',
  Edit: 'edit',
  Write: 'edit',
};

function ask(
  call: string,
  rules: { allow?: string[]; deny?: string[]; mode?: Grant['mode'] },
  directory = '',
): Decision {
  const [tool = '', ...paths] = call.split(' ');
  const grant: Grant = { allow: rules.allow ?? [], deny: rules.deny ?? [], mode: rules.mode ?? 'dontAsk' };
  return decide({ tool, kind: KINDS[tool] ?? 'other', directory, paths }, grant);
}

const yes = (rule: string): Decision => ({ allow: true, rule });
const no = (reason: string, rule?: string): unknown => ({
  allow: false,
  reason,
  ...(rule === undefined ? {} : { rule }),
});

test.each<[string, string[], string[], unknown]>([
  // Tools and what they cover.
  ['Read a', ['Read'], [], yes('Read')],
  ['Read a', [], [], no('NOT_GRANTED')],
  ['Read a', ['Edit'], [], no('NOT_GRANTED')],
  ['Glob src', ['Read'], [], yes('Read')],
  ['Grep src', ['Read'], [], yes('Read')],
  ['Write a', ['Read'], [], no('NOT_GRANTED')],
  ['Write a', ['Edit'], [], yes('Edit')],
  ['Edit a', ['Write'], [], no('NOT_GRANTED')],
  ['Write a', ['Write'], [], yes('Write')],
  ['Glob src', ['Glob'], [], yes('Glob')],
  ['Read a', ['Glob', 'Grep'], [], no('NOT_GRANTED')],
  ['Read a', ['Read(*)'], [], yes('Read(*)')],
  // Patterns.
  ['Read docs/a.md', ['Read(docs/**)'], [], yes('Read(docs/**)')],
  ['Read docs', ['Read(docs/**)'], [], no('NOT_GRANTED')],
  ['Read x/docs/a.md', ['Read(docs/**)'], [], no('NOT_GRANTED')],
  ['Read docsx/a.md', ['Read(docs/**)'], [], no('NOT_GRANTED')],
  ['Edit src/a/b.ts', ['Edit(src/**)'], [], yes('Edit(src/**)')],
  ['Write src/new.ts', ['Edit(src/**)'], [], yes('Edit(src/**)')],
  ['Edit src/a/b.ts', ['Edit(src/*.ts)'], [], no('NOT_GRANTED')],
  ['Edit src/b.ts', ['Edit(src/*.ts)'], [], yes('Edit(src/*.ts)')],
  ['Edit a/b/package.json', ['Edit(package.json)'], [], yes('Edit(package.json)')],
  ['Edit a/package.json', ['Edit(/package.json)'], [], no('NOT_GRANTED')],
  ['Edit package.json', ['Edit(/package.json)'], [], yes('Edit(/package.json)')],
  ['Edit src/a', ['Edit(./src/**)'], [], yes('Edit(./src/**)')],
  ['Edit SRC/a', ['Edit(src/**)'], [], no('NOT_GRANTED')],
  ['Edit a', ['Edit(src/**)', 'Edit(a)'], [], yes('Edit(a)')],
  ['Glob src', ['Read(docs/**)'], [], yes('Read(docs/**)')],
  // Deny wins, however it is spelled.
  ['Read secrets/a', ['Read'], ['Read(secrets/**)'], no('DENIED_BY_RULE', 'Read(secrets/**)')],
  ['Read x/secrets/a', ['Read'], ['Read(secrets/**)'], no('DENIED_BY_RULE', 'Read(secrets/**)')],
  ['Read x/secrets/a', ['Read'], ['Read(/secrets/**)'], yes('Read')],
  ['Read x/a/secrets/k', ['Read'], ['Read(a/secrets/**)'], yes('Read')],
  ['Read Secrets/a', ['Read'], ['Read(secrets/**)'], no('DENIED_BY_RULE', 'Read(secrets/**)')],
  ['Read secrets/a', ['Read'], ['Read(SECRETS)'], no('DENIED_BY_RULE', 'Read(SECRETS)')],
  ['Read \u017fecrets/a', ['Read'], ['Read(secrets)'], no('DENIED_BY_RULE', 'Read(secrets)')],
  ['Read se\u200dcrets/a', ['Read'], ['Read(secrets)'], no('DENIED_BY_RULE', 'Read(secrets)')],
  ['Read cafe\u0301/a', ['Read'], ['Read(caf\u00e9)'], no('DENIED_BY_RULE', 'Read(caf\u00e9)')],
  ['Read secret', ['Read'], ['Read(secrets)'], yes('Read')],
  ['Read a/.env', ['Read', 'Read(a/.env)'], ['Read(.env)'], no('DENIED_BY_RULE', 'Read(.env)')],
  ['Grep secrets', ['Read'], ['Read(secrets/)'], no('DENIED_BY_RULE', 'Read(secrets/)')],
  ['Edit secrets/a', ['Edit'], ['Read(secrets/**)'], no('DENIED_BY_RULE', 'Read(secrets/**)')],
  ['Write a', ['Edit'], ['Read'], no('DENIED_BY_RULE', 'Read')],
  ['Read a', ['Read'], ['Edit'], yes('Read')],
  ['Write a', ['Edit'], ['Edit(a)'], no('DENIED_BY_RULE', 'Edit(a)')],
  ['Write a', ['Edit'], ['Write'], no('DENIED_BY_RULE', 'Write')],
  ['Edit a', ['Edit'], ['Write'], yes('Edit')],
  ['Read a', ['Read'], ['*'], no('DENIED_BY_RULE', '*')],
  ['Grep a', ['Read'], ['G*'], no('DENIED_BY_RULE', 'G*')],
  ['Read a', ['Read'], ['Grep', 'Bash', 'mcp__x', 'WebFetch(domain:a.b)'], yes('Read')],
  // Links: both ends count.
  ['Read pub/link secrets/a', ['Read'], ['Read(secrets/**)'], no('DENIED_BY_RULE', 'Read(secrets/**)')],
  ['Read secrets/link pub/a', ['Read'], ['Read(secrets/**)'], no('DENIED_BY_RULE', 'Read(secrets/**)')],
  ['Read pub/link other/a', ['Read(pub/**)'], [], no('NOT_GRANTED')],
  ['Read other/link pub/a', ['Read(pub/**)'], [], no('NOT_GRANTED')],
  ['Read pub/link pub/a', ['Read(pub/**)'], [], yes('Read(pub/**)')],
  // Rules nobody consults, or knows.
  ['Write a', ['Write(a)'], [], no('NOT_GRANTED')],
  ['Write a', ['Edit'], ['Write(a)'], yes('Edit')],
  ['Glob a', ['Glob(a)'], [], no('NOT_GRANTED')],
  ['Read a', ['read', 'Raed', 'Read(', 'Read()', '', 'Read(a'], [], no('NOT_GRANTED')],
  ['Read a', ['Read(//a)', 'Read(~/a)', 'Read(../a)', 'Read([a)'], [], no('NOT_GRANTED')],
  ['Read a', ['Re*', '*'], [], no('NOT_GRANTED')],
  ['Read a', ['Read'], ['Read(secrets/**'], no('GRANT_INVALID', 'Read(secrets/**')],
  ['Read a', ['Read'], ['Read([)'], no('GRANT_INVALID', 'Read([)')],
  ['Read a', ['Read'], [''], no('GRANT_INVALID', '')],
  // Tools without paths.
  ['Bash', ['Read', 'Edit'], [], no('NOT_GRANTED')],
  ['Bash', ['Bash(npm test)'], [], no('NOT_GRANTED')],
  ['spawn_subagents', ['spawn_subagents'], [], yes('spawn_subagents')],
  ['Bash', ['Bash'], ['Bash(rm:*)'], no('DENIED_BY_RULE', 'Bash(rm:*)')],
  ['constructor', ['Read'], [], no('NOT_GRANTED')],
])('%s · allow %j · deny %j', (call, allow, deny, expected) => {
  expect(ask(call, { allow, deny })).toEqual(expected);
});

test.each<[string, string[], string[], unknown]>([
  ['Edit services/a/x.ts', ['Edit(**)'], [], yes('Edit(**)')],
  ['Edit services/b/x.ts', ['Edit(**)'], [], no('NOT_GRANTED')],
  ['Edit services/ab/x.ts', ['Edit(**)'], [], no('NOT_GRANTED')],
  ['Edit services/b/x.ts', ['Edit'], [], yes('Edit')],
  ['Edit services/b/x.ts', ['Edit(*)'], [], yes('Edit(*)')],
  ['Read README.md', ['Read'], [], yes('Read')],
  ['Read README.md', ['Read(**)'], [], no('NOT_GRANTED')],
  ['Edit services/b/package.json', ['Edit(package.json)'], [], no('NOT_GRANTED')],
  ['Edit services/a/q/package.json', ['Edit(package.json)'], [], yes('Edit(package.json)')],
  ['Read services/a/k/x', ['Read'], ['Read(k/**)'], no('DENIED_BY_RULE', 'Read(k/**)')],
  ['Read .env', ['Read'], ['Read(.env)'], no('DENIED_BY_RULE', 'Read(.env)')],
  ['Read k/l/x', ['Read'], ['Read(k/l/**)'], yes('Read')],
  ['Read Services/A/k/l/x', ['Read'], ['Read(k/l/**)'], no('DENIED_BY_RULE', 'Read(k/l/**)')],
])('in services/a: %s · allow %j · deny %j', (call, allow, deny, expected) => {
  expect(ask(call, { allow, deny }, 'services/a')).toEqual(expected);
});

test.each([
  ...['.git/config', '.GIT/config', 'a/.git/hooks/x', '.git', '.Git./x', 'git~1/config', '.g\u200cit/config'],
  ...['.git::$INDEX_ALLOCATION/x', '.git /x'],
])('%s is git’s own and neither read nor written', (path) => {
  for (const tool of ['Read', 'Edit', 'Grep']) {
    expect(decide({ tool, kind: KINDS[tool]!, directory: '', paths: [path] }, resolveGrant('full').grant)).toEqual(
      no('PROTECTED_PATH'),
    );
  }
});

test.each([
  ...['.claude/settings.json', 'x/.vscode/tasks.json', '.idea/a', '.husky/pre-commit', '.mcp.json', '.bashrc'],
  ...['a/.npmrc', '.yarnrc.yml', '.gitmodules', '.CLAUDE/x', '.cargo/config.toml', '.zshrc', '.NPMRC', '.npmrc.'],
])('%s is read, and no rule approves an edit of it', (path) => {
  const rules = { allow: ['Read', 'Edit', `Edit(${path})`, 'Edit(/**)'] };
  expect(ask(`Read ${path}`, rules)).toEqual(yes('Read'));
  expect(ask(`Edit ${path}`, rules)).toEqual(no('PROTECTED_PATH'));
  expect(ask(`Write ${path}`, rules)).toEqual(no('PROTECTED_PATH'));
});

test.each(['.gitignore', '.github/workflows/ci.yml', 'claude/a', 'npmrc', 'src/git.ts', '.nvmrc', 'a.git/x'])(
  '%s looks protected and is not',
  (path) => {
    expect(ask(`Edit ${path}`, { allow: ['Edit'] })).toEqual(yes('Edit'));
  },
);

test('plan reads and never edits', () => {
  const rules = { allow: ['Read', 'Edit'], mode: 'plan' as const };
  expect(ask('Read a', rules)).toEqual(yes('Read'));
  expect(ask('Edit a', rules)).toEqual(no('PLAN_MODE'));
  expect(ask('Edit a', { ...rules, mode: 'bypassPermissions' as Grant['mode'] })).toEqual(no('PLAN_MODE'));
});

test.each(['/etc/passwd', '../x', 'a/../../x', 'a//b', './a', '', 'a/', 'a\0b'])('%j is no resolved path', (path) => {
  expect(decide({ tool: 'Read', kind: 'read', directory: '', paths: [path] }, resolveGrant('full').grant)).toEqual(
    no('BAD_PATH'),
  );
});

test('a call that names no path is not allowed by a rule for paths', () => {
  expect(decide({ tool: 'Read', kind: 'read', directory: '', paths: [] }, resolveGrant('full').grant)).toEqual(
    no('NOT_GRANTED'),
  );
});

test('presets: read-only reads all, edit edits the working directory, full the workspace', () => {
  const verdicts = ['read-only', 'edit', 'full'].map((preset) =>
    ['Read up', 'Glob up', 'Edit w/a', 'Write up'].map((call) => {
      return ask(call, resolveGrant(preset).grant, 'w').allow;
    }),
  );
  expect(verdicts).toEqual([
    [true, true, false, false],
    [true, true, true, false],
    [true, true, true, true],
  ]);
});

const name = fc.constantFrom('a', 'b', 'src', 'Src', 'x.ts', '.env', 'docs');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
const pattern = fc
  .array(fc.oneof(name, fc.constantFrom('*', '**', '*.ts', 's*')), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'))
  .filter((text) => text !== '*');
const rules = fc.array(pattern, { maxLength: 3 });

test('a read is allowed exactly when an allow pattern covers it and no deny pattern does', () => {
  const seen = { allowed: 0, refused: 0 };
  fc.assert(
    fc.property(path, rules, rules, (file, allow, deny) => {
      const decision = ask(`Read ${file}`, {
        allow: allow.map((text) => `Read(${text})`),
        deny: deny.map((text) => `Read(${text})`),
      });
      // One segment before `**`, however often that is repeated, is at any depth in a deny rule, and deny is blind to case.
      const loose = deny.map((text) => (/^[^/]+(\/\*\*)+$/.test(text) ? `**/${text}` : text));
      const isDenied = ignore({ ignoreCase: true }).add(loose).ignores(file);
      const isAllowed = ignore({ ignoreCase: false }).add(allow).ignores(file);
      seen[decision.allow ? 'allowed' : 'refused']++;
      expect(decision.allow).toBe(isAllowed && !isDenied);
    }),
    { numRuns: 2_000 },
  );
  expect(Math.min(seen.allowed, seen.refused)).toBeGreaterThan(200);
});

test('another deny rule never widens a grant, and without allow rules nothing is allowed', () => {
  fc.assert(
    fc.property(path, rules, rules, pattern, (file, allow, deny, more) => {
      const grant = { allow: allow.map((text) => `Edit(${text})`), deny: deny.map((text) => `Edit(${text})`) };
      const before = ask(`Edit ${file}`, grant).allow;
      const after = ask(`Edit ${file}`, { ...grant, deny: [...grant.deny, `Read(${more})`] }).allow;
      expect(after && !before).toBe(false);
      expect(ask(`Edit ${file}`, { deny: grant.deny }).allow).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});
