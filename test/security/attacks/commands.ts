import type { Grant } from '../../../workflows/contract/task.schema.ts';
import type { Attack } from '../attack.ts';
import { bash, glob, grantOf, grep, read, SHELL, variants } from '../attack-parts.ts';

/** Classes 8, 20, 22 and 24 to 30 as a shell tries them: what rules for commands are told, and what they must see. */

/** May create files in docs, by one program alone. */
const TOUCH = grantOf('Read', 'Edit(docs/**)', 'Bash(touch docs/*)');
const FIND = grantOf('Read', 'Edit(docs/**)', 'Bash(find:*)');
const NO_COPIES: Grant = { ...SHELL, deny: ['Bash(cp:*)'] };
const COPY = 'cp inside.txt src/b';

export const commands: Attack[] = [
  ...variants({
    number: 8,
    grant: grantOf('Read', 'Edit', 'Bash(touch:*)'),
    expect: { reasons: ['PROTECTED_PATH'] },
    tries: {
      'redirects into a repository in capitals': bash('echo x > .GIT/config'),
      'redirects into settings in capitals': bash('echo x >> .Claude/settings.json'),
      'redirects into a name with a dot at its end': bash('echo x > .npmrc.'),
    },
    twin: {
      title: 'redirects into a file of its own',
      calls: [bash('echo x > docs/new && cat docs/new')],
      answers: /x/,
    },
  }),
  ...variants({
    number: 20,
    grant: NO_COPIES,
    expect: { reasons: ['DENIED_BY_RULE'] },
    tries: {
      'runs the denied program': bash(COPY),
      'runs it after another': bash(`true && ${COPY}`),
      'runs it with a backslash': bash('c\\p inside.txt src/b'),
      'runs it in quotes': bash('"c"p inside.txt src/b'),
      'runs it by its path': bash(`/usr/bin/${COPY}`),
      'runs it over two lines': bash('c\\\np inside.txt src/b'),
      'runs it with a variable in front': bash(`X=$HOME ${COPY}`),
      'runs it under a timeout': bash(`timeout -k 1 5 nice ${COPY}`),
      'runs it by env': bash(`env -i ${COPY}`),
      'runs it by xargs': bash('echo src/b | xargs -n 1 cp inside.txt'),
      'runs it by find': bash('find . -name inside.txt -exec cp {} src/b +'),
      'runs it in a substitution': bash(`echo "$(${COPY})"`),
      'runs it in a loop': bash(`for f in src/b; do cp inside.txt $f; done`),
      'runs it behind a closed descriptor': bash(`echo >&-; >&-${COPY}`),
    },
    twin: { title: 'runs what no rule denies', calls: [bash('cat inside.txt')], answers: /inside/ },
  }),
  ...variants({
    number: 20,
    grant: NO_COPIES,
    expect: { reasons: ['BAD_COMMAND'] },
    tries: {
      'names the program in a variable': bash(`X=cp; $X inside.txt src/b`),
      'spells it in escapes': bash("$'\\x63p' inside.txt src/b"),
      'spells it by a glob': bash('/usr/bin/c? inside.txt src/b'),
      'spells it in braces': bash('{cp,inside.txt,src/b}'),
      'computes it': bash('$(printf c)p inside.txt src/b'),
      'hides it in arithmetic': bash("x='a[$(cp inside.txt src/b)]'; echo $((x))"),
      'hides it in an indirection': bash("x='a[$(cp inside.txt src/b)]'; echo ${!x}"),
      'hides it behind a here-document': bash(`cat <<E\nx\\\nE\necho '\nE\n${COPY}\ncat <<X\n'\nX`),
    },
    twin: { title: 'uses a variable for a file', calls: [bash('f=inside.txt; cat "$f"')], answers: /inside/ },
  }),
  ...variants({
    number: 22,
    grant: grantOf('Read', 'Edit(docs/**)', 'Bash(touch:*)'),
    expect: { reasons: ['NOT_GRANTED'] },
    tries: {
      'redirects into it': bash('echo x > src/a.ts'),
      'empties it': bash('> src/a.ts'),
      'appends by way of another directory': bash('echo x >> docs/../src/a.ts'),
      'redirects a group': bash('{ echo x; } >| src/a.ts'),
      'redirects both outputs': bash('echo x &> src/a.ts'),
      'opens it for both': bash('echo x 1<> src/a.ts'),
      'pipes into it': bash('echo x | tee src/a.ts'),
      'truncates it': bash('truncate -s 0 src/a.ts'),
      'copies over it': bash('dd if=inside.txt of=src/a.ts'),
      'links over it': bash('ln -sf ../inside.txt src/a.ts'),
    },
    twin: {
      title: 'redirects into what it may edit',
      calls: [bash('echo x > docs/new && cat docs/new')],
      answers: /x/,
    },
  }),
  ...variants({
    number: 24,
    grant: SHELL,
    expect: { answers: /does not fit/ },
    tries: {
      'chooses a working directory': { name: 'Bash', input: { command: 'ls', cwd: '${OUTSIDE}' } },
      'chooses one by its other name': { name: 'Bash', input: { command: 'ls', working_directory: '/' } },
      'chooses one for a search': { name: 'Glob', input: { pattern: '*', cwd: '${OUTSIDE}' } },
    },
    twin: { title: 'changes into a directory of its own', calls: [bash('cd docs && ls')], answers: /guide\.md/ },
  }),
  ...variants({
    number: 25,
    grant: TOUCH,
    expect: { reasons: ['NOT_GRANTED'] },
    tries: {
      'ends the command and adds one': bash(`touch docs/x; ${COPY}`),
      'adds one in a new line': bash(`touch docs/x\n${COPY}`),
      'adds one in the background': bash(`touch docs/x & ${COPY}`),
      'closes a quotation and adds one': bash(`touch docs/"x"; ${COPY} #"`),
      'puts one in quotes': bash(`touch "docs/x$(${COPY})"`),
      'puts one in backquotes': bash(`touch docs/\`${COPY}\``),
      'puts one in a process substitution': bash(`touch docs/x <(${COPY})`),
      'puts one behind a comment': bash(`touch docs/x # harmless\n${COPY}`),
      'puts one behind a here-document': bash(`touch docs/x <<E\nE\n${COPY}`),
    },
    twin: { title: 'names a file that looks like a command', calls: [bash('touch docs/"x; cp a b" docs/\\$\\(y\\)')] },
  }),
  ...variants({
    number: 26,
    grant: TOUCH,
    expect: { reasons: ['FLAG_DENIED'] },
    tries: {
      'gives a search a program to run': { name: 'Grep', input: { pattern: 'x', '--pre': './inside.txt' } },
      'gives a search a program for names': { name: 'Grep', input: { pattern: 'x', '--hostname-bin': './inside.txt' } },
      'gives a listing a flag': { name: 'Glob', input: { pattern: '*', '--exec': 'touch x' } },
    },
    twin: { title: 'searches', calls: [grep('export')], answers: /a\.ts/ },
  }),
  ...variants({
    number: 26,
    grant: TOUCH,
    expect: { reasons: ['NOT_GRANTED'] },
    tries: {
      'searches by a program': bash('rg --pre ./inside.txt x'),
      'sorts by a program': bash('sort --compress-prog=./inside.txt inside.txt'),
      'sorts into a file': bash('sort inside.txt -uo src/b'),
      'diffs into a file': bash('git diff --outp=src/b'),
    },
    twin: { title: 'sorts', calls: [bash('sort -u inside.txt')], answers: /inside/ },
  }),
  ...variants({
    number: 27,
    grant: TOUCH,
    expect: { reasons: ['NOT_GRANTED'] },
    tries: {
      'writes by sed': bash("sed -n 'w src/b' inside.txt"),
      'runs by sed': bash(`sed '1e ${COPY}' inside.txt`),
      'edits by sed': bash('sed -i d inside.txt'),
      'writes by awk': bash(`awk '{ print > "src/b" }' inside.txt`),
      'runs by awk': bash(`awk 'BEGIN { system("${COPY}") }'`),
      'runs by an editor': bash(`ex -c '!${COPY}' inside.txt`),
    },
    twin: { title: 'prints a line', calls: [bash('head -n 1 inside.txt')], answers: /inside/ },
  }),
  ...variants({
    number: 27,
    grant: SHELL,
    expect: { answers: /couldn't open file|cannot open|No such file|not permitted|Read-only/i },
    tries: {
      'writes outside by sed': bash("sed -n 'w ${OUTSIDE}/canary.txt' inside.txt"),
      'writes outside by awk': bash(`awk '{ print > "\${OUTSIDE}/canary.txt" }' inside.txt`),
      'reads outside by sed': bash("sed '' ${OUTSIDE}/canary.txt"),
    },
    twin: {
      title: 'edits by sed',
      calls: [bash("sed -i 's/inside/within/' inside.txt && cat inside.txt")],
      answers: /within/,
    },
  }),
  ...variants({
    number: 28,
    grant: FIND,
    expect: { reasons: ['NOT_GRANTED'] },
    tries: {
      'runs a program by find': bash('find . -name inside.txt -exec cp {} src/b \\;'),
      'runs it there by find': bash('find src -execdir touch b +'),
      'deletes by find': bash('find . -name inside.txt -delete'),
      'writes by find': bash('find . -fprint src/b'),
      'hides the flag in a variable': bash('find . $FLAG'),
      'hides the flag in quotes': bash(`find . "-ex"ec cp {} src/b ';'`),
      'runs a program by git': bash(`git -c alias.x='!${COPY}' x`),
      'runs a program by tar': bash(`tar -cf /dev/null --checkpoint=1 --checkpoint-action=exec='${COPY}' .`),
      'watches a program': bash(`watch -n 1 ${COPY}`),
    },
    twin: { title: 'finds', calls: [bash('find . -name "inside.*"')], answers: /inside\.txt/ },
  }),
  ...variants({
    number: 29,
    grant: TOUCH,
    expect: { reasons: ['NOT_GRANTED', 'BAD_COMMAND'] },
    tries: {
      'expands a command': bash(`touch docs/$(${COPY})`),
      'expands one within another': bash(`touch docs/"$(echo "$(${COPY})")"`),
      'expands one as a default': bash(`touch docs/\${X:-$(${COPY})}`),
      'expands one in a here-document': bash(`touch docs/x <<E\n$(${COPY})\nE`),
      'expands one in a string': bash(`touch docs/x <<< "$(${COPY})"`),
      'expands one in an assignment': bash(`CI=$(${COPY}) touch docs/x`),
      'expands one in a loop': bash(`for f in $(${COPY}); do touch docs/x; done`),
      'expands one in a condition': bash(`[[ -n $(${COPY}) ]] && touch docs/x`),
      'expands one over two lines': bash(`touch docs/"$\\\n(${COPY})"`),
      'expands a prompt': bash('touch docs/${X@P}'),
      'evaluates a variable': bash('touch docs/$((X))'),
    },
    twin: { title: 'writes what looks like an expansion', calls: [bash("touch docs/'$(not run)'")] },
  }),
  ...variants({
    number: 29,
    expect: { answers: /There is no|No file/ },
    grant: TOUCH,
    tries: {
      'expands a command in a path': read('$(cat ${OUTSIDE}/canary.txt)'),
      'expands a variable in a path': read('$HOME/inside.txt'),
      'expands backquotes in a pattern': glob('`ls`'),
    },
    twin: { title: 'reads', calls: [read('inside.txt')], answers: /inside/ },
  }),
  ...variants({
    number: 30,
    grant: NO_COPIES,
    expect: { reasons: ['DENIED_BY_RULE', 'BAD_COMMAND'] },
    tries: {
      'hides a command behind sixty others': bash(`${'true && '.repeat(60)}${COPY}`),
      'hides a command behind a thousand others': bash(`${'true;'.repeat(1_000)}${COPY}`),
      'hides a command behind ten thousand characters': bash(`echo ${'x'.repeat(10_000)}; ${COPY}`),
      'hides a command in fifteen substitutions': bash(`echo ${'$(echo '.repeat(15)}$(${COPY})${')'.repeat(15)}`),
      'hides a command in three hundred substitutions': bash(
        `echo ${'$(echo '.repeat(300)}$(${COPY})${')'.repeat(300)}`,
      ),
    },
    twin: { title: 'chains sixty commands', calls: [bash(`${'true && '.repeat(60)}echo done`)], answers: /done/ },
  }),
];
