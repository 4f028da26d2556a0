import { expect, test } from 'vitest';
import type { Grant } from '../../../workflows/contract/task.schema.ts';
import { decide, type Decision } from '../../../workflows/policy/permission.ts';

interface Rules {
  allow?: string[];
  deny?: string[];
  mode?: Grant['mode'];
  directory?: string;
  input?: Record<string, unknown>;
}

function ask(command: string, { allow = [], deny = [], mode = 'dontAsk', directory = '', input }: Rules): Decision {
  const request = { tool: 'Bash', kind: 'command', directory, paths: [], command, root: '/ws' } as const;
  return decide({ ...request, input: { command, ...input } }, { allow, deny, mode });
}

const READS = 'Bash: commands that only read';
/** A rule: allowed by it; NOT_GRANTED … with the part it is about. */
function outcome(decision: Decision): string {
  if (decision.allow) return decision.rule;
  return [decision.reason, decision.detail].filter((text) => text !== undefined).join(': ');
}

/** [command, Bash rules, what comes of it: a number is the rule that allows it, true the built-in set]. */
type Row = [string, string[], number | true | string];

test.each<Row>([
  // Without a star the match is exact.
  ['npm test', ['npm test'], 0],
  ['npm  test', ['npm test'], 0],
  [' npm test ', ['npm test'], 0],
  ['npm test -- -u', ['npm test'], 'NOT_GRANTED: npm test -- -u'],
  ['npm tests', ['npm test'], 'NOT_GRANTED: npm tests'],
  ['NPM test', ['npm test'], 'NOT_GRANTED: NPM test'],
  ['npm "test"', ['npm test'], 'NOT_GRANTED: npm "test"'],
  ['npm "test"', ['npm "test"'], 0],
  // A star is any run of characters, blanks included.
  ['npm run build', ['npm run *'], 0],
  ['npm run build --prod', ['npm run *'], 0],
  ['git log --oneline main', ['git * main'], true],
  ['git main', ['git * main'], 'NOT_GRANTED: git main'],
  ['git push origin main', ['git * main'], 0],
  ['git push origin mainly', ['git * main'], 'NOT_GRANTED: git push origin mainly'],
  ['anything --version', ['* --version'], 0],
  ['make x-test-y', ['make *-test-*'], 0],
  ['make x-y', ['make *-test-*'], 'NOT_GRANTED: make x-y'],
  ['a "b\nc"', ['a *'], 0],
  // ` *` at the end needs a blank or the end; `:*` is the same, a star without blank is not.
  ['lint', ['lint *'], 0],
  ['lint x', ['lint *'], 0],
  ['lintall', ['lint *'], 'NOT_GRANTED: lintall'],
  ['lintall', ['lint*'], 0],
  ['lint', ['lint*'], 0],
  ['lint', ['lint:*'], 0],
  ['lint x y', ['lint:*'], 0],
  ['lintall', ['lint:*'], 'NOT_GRANTED: lintall'],
  ['npm run build', ['npm run:*'], 0],
  ['npm runner', ['npm run:*'], 'NOT_GRANTED: npm runner'],
  ['git push', ['git:* push'], 'NOT_GRANTED'],
  // Every part must match.
  ['npm test && npm run lint', ['npm test', 'npm run *'], 1],
  ['npm test && rm -r x', ['npm test'], 'NOT_GRANTED: rm -r x'],
  ['npm test; rm -r x', ['npm test *'], 'NOT_GRANTED: rm -r x'],
  ['npm test || rm x', ['npm test *'], 'NOT_GRANTED: rm x'],
  ['npm test | tee', ['npm test *'], 'NOT_GRANTED: tee'],
  ['npm test |& tee', ['npm test *'], 'NOT_GRANTED: tee'],
  ['npm test & rm x', ['npm test *'], 'NOT_GRANTED: rm x'],
  ['npm test\nrm x', ['npm test *'], 'NOT_GRANTED: rm x'],
  ['npm test "&& rm x"', ['npm test *'], 0],
  ["npm test '; rm x'", ['npm test *'], 0],
  ['npm test \\; rm x', ['npm test *'], 0],
  ['npm test # && rm x', ['npm test'], 0],
  ['npm test # x\nrm x', ['npm test'], 'NOT_GRANTED: rm x'],
  ['npm test && npm run lint', ['npm test && npm run lint'], 'NOT_GRANTED: npm test'],
  // Substitutions, subshells, groups, loops, conditions.
  ['npm test $(rm x)', ['npm test *'], 'NOT_GRANTED: rm x'],
  ['npm test "$(rm x)"', ['npm test *'], 'NOT_GRANTED: rm x'],
  ["npm test '$(rm x)'", ['npm test *'], 0],
  ['npm test \\$(rm x)', ['npm test *'], 'BAD_COMMAND: it holds a function, an array or a pattern in ( )'],
  ['npm test `rm x`', ['npm test *'], 'NOT_GRANTED: rm x'],
  ['npm test <(rm x)', ['npm test *'], 'NOT_GRANTED: rm x'],
  ['npm test >(rm x)', ['npm test *'], 'NOT_GRANTED: rm x'],
  ['npm test $(cat x)', ['npm test *'], 0],
  ['npm test ${X:-$(rm x)}', ['npm test *'], 'NOT_GRANTED: rm x'],
  ['npm test <<< "$(rm x)"', ['npm test *'], 'NOT_GRANTED: rm x'],
  ['npm test <<E\n$(rm x)\nE', ['npm test *'], 'NOT_GRANTED: rm x'],
  ["npm test <<'E'\n$(rm x)\nE", ['npm test *'], 0],
  ["npm test <<'E'\nx\nE\nrm x", ['npm test *'], 'NOT_GRANTED: rm x'],
  ['(npm test)', ['npm test'], 0],
  ['(npm test; rm x)', ['npm test'], 'NOT_GRANTED: rm x'],
  ['{ npm test; rm x; }', ['npm test'], 'NOT_GRANTED: rm x'],
  ['for f in a b; do npm test $f; done', ['npm test *'], 0],
  ['for f in $(rm x); do npm test; done', ['npm test *'], 'NOT_GRANTED: rm x'],
  ['while npm test; do rm x; done', ['npm test'], 'NOT_GRANTED: rm x'],
  ['if npm test; then echo ok; else rm x; fi', ['npm test'], 'NOT_GRANTED: rm x'],
  ['if npm test; then echo ok; fi', ['npm test'], 0],
  ['! npm test', ['npm test'], 0],
  ['[[ -f x ]] && npm test', ['npm test'], 0],
  ['npm test 2>&1 | tail -5', ['npm test'], 0],
  // Wrappers are looked through.
  ['timeout 30 npm test', ['npm test'], 0],
  ['timeout -k 5 -s KILL 30 npm test', ['npm test'], 0],
  ['timeout --kill-after=5 --signal TERM 30s npm test', ['npm test'], 0],
  ['timeout 30 rm x', ['npm test'], 'NOT_GRANTED: timeout 30 rm x'],
  ['timeout 30 rm x', ['timeout *'], 'NOT_GRANTED: timeout 30 rm x'],
  ['timeout 30 npm test', ['timeout 30 npm test'], 0],
  ['timeout --odd 30 npm test', ['npm test *', 'timeout *'], 'NOT_GRANTED: timeout --odd 30 npm test'],
  ['timeout $X npm test', ['npm test'], 'NOT_GRANTED: timeout $X npm test'],
  ['time npm test', ['npm test'], 0],
  ['time -p npm test', ['npm test'], 0],
  ['nice npm test', ['npm test'], 0],
  ['nice -n 10 npm test', ['npm test'], 0],
  ['nice -10 npm test', ['npm test'], 0],
  ['nohup npm test', ['npm test'], 0],
  ['stdbuf -oL -e 0 npm test', ['npm test'], 0],
  ['command npm test', ['npm test'], 0],
  ['builtin echo x', ['npm test'], 'NOT_GRANTED: builtin echo x'],
  ['noglob npm test', ['npm test'], 0],
  ['nohup nice timeout 5 npm test', ['npm test'], 0],
  ['ls | xargs npm test', ['npm test *'], 0],
  ['ls | xargs rm', ['npm test *'], 'NOT_GRANTED: xargs rm'],
  ['ls | xargs -n 1 npm test', ['npm test *'], 'NOT_GRANTED: xargs -n 1 npm test'],
  ['ls | xargs -n 1 npm test', ['xargs *'], 0],
  ['time { rm x; }', ['time *', '* rm *'], 'BAD_COMMAND: its } is not understood'],
  ['time if rm x', ['time *', '* rm *'], 'NOT_GRANTED: time if rm x'],
  // Assignments in front: harmless ones do not count.
  ['NODE_ENV=test npm test', ['npm test'], 0],
  ['CI=1 LANG=C.UTF-8 npm test', ['npm test'], 0],
  ['NODE_ENV=test timeout 5 npm test', ['npm test'], 0],
  ['NODE_OPTIONS=--require=./x npm test', ['npm test'], 'NOT_GRANTED: NODE_OPTIONS=--require=./x npm test'],
  ['PATH=. npm test', ['npm test'], 'NOT_GRANTED: PATH=. npm test'],
  ['LD_PRELOAD=./x.so npm test', ['npm test'], 'NOT_GRANTED: LD_PRELOAD=./x.so npm test'],
  ['NODE_ENV=$(rm x) npm test', ['npm test'], 'NOT_GRANTED: rm x'],
  ['NODE_ENV=$X npm test', ['npm test'], 'NOT_GRANTED: NODE_ENV=$X npm test'],
  ['time PATH=. npm test', ['npm test'], 'NOT_GRANTED: time PATH=. npm test'],
  ['FOO=1 npm test', ['FOO=1 npm test'], 0],
  ['FOO=2 npm test', ['FOO=* npm test'], 0],
  ['PATH=.; npm test', ['npm test'], 'NOT_GRANTED: PATH=.'],
  ['NODE_ENV=test; npm test', ['npm test'], 0],
  // Runners are not looked through.
  ['npx jest', ['jest'], 'NOT_GRANTED: npx jest'],
  ['npx jest', ['npx *'], 0],
  ['docker exec web npm test', ['npm test'], 'NOT_GRANTED: docker exec web npm test'],
  ['env npm test', ['npm test'], 'NOT_GRANTED: env npm test'],
  ['sudo npm test', ['npm test'], 'NOT_GRANTED: sudo npm test'],
  ['bash -c "rm x"', ['npm test'], 'NOT_GRANTED: bash -c "rm x"'],
  // What runs commands in a way of its own needs an exact rule.
  ['watch npm test', ['watch *'], 'NOT_GRANTED: watch npm test'],
  ['watch npm test', ['watch npm test'], 0],
  ['watch npm test', ['npm test'], 'NOT_GRANTED: watch npm test'],
  ['setsid npm test', ['setsid *'], 'NOT_GRANTED: setsid npm test'],
  ['flock x npm test', ['flock *'], 'NOT_GRANTED: flock x npm test'],
  ['nohup watch npm test', ['watch *'], 'NOT_GRANTED: nohup watch npm test'],
  ['find . -name x -delete', ['find *'], 'NOT_GRANTED: find . -name x -delete'],
  ['find . -exec rm {} +', ['find:*'], 'NOT_GRANTED: find . -exec rm {} +'],
  ['find . -fprint x', ['find *'], 'NOT_GRANTED: find . -fprint x'],
  ['find . $X', ['find *'], 'NOT_GRANTED: find . $X'],
  ['find . -name x -delete', ['find . -name x -delete'], 0],
  ['find . -name "*.ts"', ['npm test'], true],
  // What only reads needs no rule once Bash is granted.
  ['ls -la', ['npm test'], true],
  ['cat a b | grep -n "x y" | head -5 | wc -l', ['npm test'], true],
  ['cd src && pwd', ['npm test'], true],
  ['git status && git diff HEAD~1 --stat && git log --oneline -5', ['npm test'], true],
  ['git push', ['npm test'], 'NOT_GRANTED: git push'],
  ['git -c core.pager=x log', ['npm test'], 'NOT_GRANTED: git -c core.pager=x log'],
  ['git diff --output=x', ['npm test'], 'NOT_GRANTED: git diff --output=x'],
  ['git diff --outp=x', ['npm test'], 'NOT_GRANTED: git diff --outp=x'],
  ['git branch', ['npm test'], true],
  ['git branch x', ['npm test'], 'NOT_GRANTED: git branch x'],
  ['sort -u a', ['npm test'], true],
  ['sort -uo a b', ['npm test'], 'NOT_GRANTED: sort -uo a b'],
  ['sort --outp=a b', ['npm test'], 'NOT_GRANTED: sort --outp=a b'],
  ['sort $X', ['npm test'], 'NOT_GRANTED: sort $X'],
  ['uniq a', ['npm test'], true],
  ['uniq a b', ['npm test'], 'NOT_GRANTED: uniq a b'],
  ['rg --pre ./x y', ['npm test'], 'NOT_GRANTED: rg --pre ./x y'],
  ['rg x src', ['npm test'], true],
  ['printf "%s" x', ['npm test'], true],
  ['printf -v PATH x', ['npm test'], 'NOT_GRANTED: printf -v PATH x'],
  ['command -v npm', ['npm test'], true],
  ['[ -f x ] && [ "$a" = "b" ] && test -n "$c"', ['npm test'], true],
  ["[ -v 'a[$(rm x)]' ]", ['npm test'], "NOT_GRANTED: [ -v 'a[$(rm x)]' ]"],
  ['[ $X ]', ['npm test'], 'NOT_GRANTED: [ $X ]'],
  ['[[ $X -eq 1 ]]', ['npm test'], 'NOT_GRANTED: [[ $X -eq 1 ]]'],
  ['./ls', ['npm test'], 'NOT_GRANTED: ./ls'],
  ['sed -i s/a/b/ x', ['npm test'], 'NOT_GRANTED: sed -i s/a/b/ x'],
  ['sed -n "1w x" y', ['npm test'], 'NOT_GRANTED: sed -n "1w x" y'],
  ['awk "{system(1)}"', ['npm test'], 'NOT_GRANTED: awk "{system(1)}"'],
  ['eval ls', ['npm test'], 'NOT_GRANTED: eval ls'],
  ['source x', ['npm test'], 'NOT_GRANTED: source x'],
  ['ls', [], 'NOT_GRANTED'],
  // What nobody can take apart.
  ['npm test "', ['npm test *'], 'BAD_COMMAND: a " is not closed'],
  ['npm test $((x))', ['npm test *'], 'BAD_COMMAND: arithmetic over more than numbers may run commands'],
  ['$CMD', ['npm test', '*x*'], 'BAD_COMMAND: the program $CMD is not spelled out'],
  [`npm test ${'x'.repeat(10_000)}`, ['npm test *'], 'BAD_COMMAND: it is longer than 10000 characters'],
])('%s · allow %j: %s', (command, rules, expected) => {
  const allow = rules.map((rule) => `Bash(${rule})`);
  const wanted = expected === true ? READS : typeof expected === 'number' ? allow[expected] : expected;
  expect(outcome(ask(command, { allow }))).toBe(wanted);
});

test.each<[string, string[], string | undefined]>([
  ['rm -r x', ['rm *'], 'rm -r x'],
  ['ls && rm x', ['rm *'], 'rm x'],
  ['ls "$(rm x)"', ['rm *'], 'rm x'],
  ['for f in a; do rm $f; done', ['rm:*'], 'rm $f'],
  ['r\\m x', ['rm *'], 'r\\m x'],
  ['"rm" x', ['rm *'], '"rm" x'],
  ["$'rm' x", ['rm *'], "$'rm' x"],
  ['rm\\\n x', ['rm *'], 'rm x'],
  ['/bin/rm x', ['rm *'], '/bin/rm x'],
  ['git "push" origin', ['git push:*'], 'git "push" origin'],
  ['FOO=$X LD_PRELOAD=y rm x', ['rm *'], 'FOO=$X LD_PRELOAD=y rm x'],
  ['time FOO=1 rm x', ['rm *'], 'time FOO=1 rm x'],
  ['timeout 5 nice rm x', ['rm *'], 'timeout 5 nice rm x'],
  ['timeout 5 ls', ['timeout *'], 'timeout 5 ls'],
  ['ls | xargs -n 1 rm', ['rm *'], 'xargs -n 1 rm'],
  ['env -i A=1 rm x', ['rm *'], 'env -i A=1 rm x'],
  ['exec rm x', ['rm *'], 'exec rm x'],
  ['find . -name x -exec rm {} +', ['rm *'], 'find . -name x -exec rm {} +'],
  ['npm test && npm run lint', ['npm test && npm run lint'], 'npm test && npm run lint'],
  ['ls', ['rm *'], undefined],
  ['firm x', ['rm *'], undefined],
  ['echo "rm x"', ['rm *'], undefined],
  ['echo rm', ['rm'], undefined],
  ['ls $X && [ -f y ]', ['rm *'], undefined],
  ["cat > x <<'E'\nrm y\nE", ['rm *'], undefined],
])('everything allowed but %2$j: %1$s', (command, rules, part) => {
  const deny = rules.map((rule) => `Bash(${rule})`);
  const expected: Decision =
    part === undefined
      ? { allow: true, rule: 'Bash' }
      : { allow: false, reason: 'DENIED_BY_RULE', rule: deny[0]!, detail: part };
  expect(ask(command, { allow: ['Bash'], deny })).toEqual(expected);
  if (part !== undefined) expect(ask(command, { allow: ['Bash', 'Bash(*x*)'], deny })).toEqual(expected);
});

test.each(['$X y', 'ls "', 'timeout --odd 5 rm x', 'nice $X', 'eval $((x))', 'x'.repeat(10_001)])(
  'where something is denied, what cannot be taken apart is refused: %s',
  (command) => {
    expect(ask(command, { allow: ['Bash'], deny: ['Bash(git push:*)'] })).toMatchObject({ reason: 'BAD_COMMAND' });
    expect(ask(command, { allow: ['Bash'] })).toEqual({ allow: true, rule: 'Bash' });
  },
);

test('a whole tool denied is denied, whatever is allowed', () => {
  for (const deny of ['Bash', 'Bash(*)', '*', 'B*'])
    expect(ask('ls', { allow: ['Bash', 'Bash(ls)'], deny: [deny] })).toMatchObject({
      reason: 'DENIED_BY_RULE',
      rule: deny,
    });
  expect(ask('ls', { allow: ['Bash'], deny: ['Bash(ls:* x)'] })).toMatchObject({ reason: 'GRANT_INVALID' });
});

test.each<[string, string[], string]>([
  ['npm test > out/log', ['Edit(out/**)'], 'Bash(npm test)'],
  ['npm test >> ./out/log 2>&1', ['Edit(out/**)'], 'Bash(npm test)'],
  ['npm test &> "out/log"', ['Edit(out/**)'], 'Bash(npm test)'],
  ['npm test > /ws/out/log', ['Edit(out/**)'], 'Bash(npm test)'],
  ['npm test > /dev/null 2> /dev/stderr', [], 'Bash(npm test)'],
  ['echo x > out/log', ['Edit(out/**)'], READS],
  ['npm test > src/a', ['Edit(out/**)'], 'NOT_GRANTED: > src/a'],
  ['npm test > out/../src/a', ['Edit(out/**)'], 'NOT_GRANTED: > out/../src/a'],
  ['npm test > /ws/../etc/x', ['Edit'], 'NOT_GRANTED: > /ws/../etc/x'],
  ['npm test > /etc/x', ['Edit'], 'NOT_GRANTED: > /etc/x'],
  ['npm test > /tmp/x', ['Edit'], 'NOT_GRANTED: > /tmp/x'],
  ['npm test > ~/x', ['Edit'], 'BAD_COMMAND: the file of > ~/x is not spelled out'],
  ['npm test > $X', ['Edit'], 'BAD_COMMAND: the file of > $X is not spelled out'],
  ['npm test > *.log', ['Edit'], 'BAD_COMMAND: the file of > *.log is not spelled out'],
  ['npm test > .npmrc', ['Edit'], 'PROTECTED_PATH: > .npmrc'],
  ['npm test > .git/config', ['Edit'], 'PROTECTED_PATH: > .git/config'],
  ['npm test >| src/a', [], 'NOT_GRANTED: > src/a'],
  ['npm test <> src/a', [], 'NOT_GRANTED: > src/a'],
  ['npm test >& src/a', [], 'NOT_GRANTED: > src/a'],
  ['npm test 1>&2 2>&-', [], 'Bash(npm test)'],
  ['(npm test) > src/a', [], 'NOT_GRANTED: > src/a'],
  ['for x in a; do npm test; done > src/a', [], 'NOT_GRANTED: > src/a'],
  ['npm test $(> src/a)', [], 'NOT_GRANTED: > src/a'],
  ['> src/a', [], 'NOT_GRANTED: > src/a'],
  ['npm test < src/a', [], 'Bash(npm test)'],
])('a redirect is an edit of its file: %s · %j', (command, edits, expected) => {
  expect(outcome(ask(command, { allow: ['Read', 'Bash(npm test)', ...edits] }))).toBe(expected);
});

test('a redirect starts at the working directory, and an edit denied stays denied', () => {
  const allow = ['Bash(npm test)', 'Edit(**)'];
  expect(ask('npm test > x', { allow, directory: 'app' }).allow).toBe(true);
  expect(ask('npm test > /ws/x', { allow, directory: 'app' })).toMatchObject({ reason: 'NOT_GRANTED' });
  expect(ask('npm test > x', { allow, deny: ['Edit(x)'] })).toMatchObject({ reason: 'DENIED_BY_RULE', detail: '> x' });
  expect(ask('npm test > x', { allow, deny: ['Read(x)'] })).toMatchObject({ reason: 'DENIED_BY_RULE' });
  expect(ask('npm test > x', { allow: ['Bash'] }).allow).toBe(true);
});

test('plan reads with the shell and does no more', () => {
  for (const allow of [['Bash'], ['Bash(npm test)', 'Edit']]) {
    const plan = (command: string): string => outcome(ask(command, { allow, mode: 'plan' }));
    expect(plan('ls src | head -3 && git log 2>/dev/null')).toBe(READS);
    expect(plan('ls; npm test')).toBe('PLAN_MODE: npm test');
    expect(plan('echo x > y')).toBe('PLAN_MODE: echo x > y');
    expect(plan('echo "')).toMatch(/^BAD_COMMAND/);
  }
  expect(outcome(ask('ls', { allow: ['Read', 'Edit'], mode: 'plan' }))).toBe('NOT_GRANTED');
});

test('a parameter can be denied, and is not confused with a program', () => {
  const deny = ['Bash(run_in_background:true)', 'Bash(timeout:*)'];
  expect(ask('ls', { allow: ['Bash'], deny, input: { run_in_background: true } })).toMatchObject({
    reason: 'DENIED_BY_RULE',
    rule: deny[0],
  });
  expect(ask('ls', { allow: ['Bash'], deny, input: { run_in_background: false, timeout: 5 } }).allow).toBe(true);
  expect(ask('timeout 5 ls', { allow: ['Bash'], deny })).toMatchObject({ rule: deny[1] });
});
