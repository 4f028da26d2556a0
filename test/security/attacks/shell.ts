import { chmodSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Grant } from '../../../workflows/contract/task.schema.ts';
import type { Attack, Call } from '../attack.ts';
import { all, bash, beyond, grantOf, link, type Prepare, put, read, SHELL, variants } from '../attack-parts.ts';

/** Classes 24, 31 to 34, 38, 43, 44 and 80: everything a shell may start, and nothing of it reaches beyond the sandbox. */

const DOCS = grantOf('Read', 'Edit(docs/**)', 'Bash');
const KEYS: Grant = { ...SHELL, deny: ['Edit(src/keys/**)'] };
const NOT_THERE = /No such file|cannot access|not found/;
const WORKER = process.cwd();

const program =
  (path: string, text: string): Prepare =>
  (field) => {
    put(path, text)(field);
    chmodSync(join(field.workspace, path), 0o755);
  };
const lookAlikes = all(
  ...['ls', 'src/ls', 'bin/ls', 'node_modules/.bin/ls'].map((path) => program(path, '#!/bin/sh\necho look-alike\n')),
);
const isGenuine = /^(?!.*look-alike)/s;

const START_FILES = ['bashrc', 'profile', 'bash_profile', 'bash_login'];
const startFiles = all(...START_FILES.map((name) => put(`dotfiles/${name}`, 'echo injected; X=injected\n')));
const isClean = /^(?!.*injected)/s;
const again = (command: string): Call[] => [bash(`${command}; exit 1`), bash('echo "[$X]"; ls -d docs')];

const hostile = (body: string): Prepare =>
  all(put('build.sh', `${body}\n`), put('own.sh', 'mkdir -p out && echo built > out/file && cat out/file\n'));

/** The worker's own environment holds a secret while the attack runs. */
const secretOfTheWorker: Prepare = ({ canary }) => {
  process.env[`MUSTER_TEST_${canary.replace(/\W/g, '_')}`] = canary;
};

export const shellAttacks: Attack[] = [
  ...variants({
    number: 24,
    grant: SHELL,
    expect: { answers: NOT_THERE },
    tries: {
      'changes into a directory of the worker': bash('cd ${OUTSIDE} && cat canary.txt'),
      'stays there for the next command': [bash('cd ${WORKSPACE}/..; cd ..; true'), bash('cat ${OUTSIDE}/canary.txt')],
      'goes there by the directory it started in': bash('cd /proc/1/cwd/../../.. 2>&1; cat ${OUTSIDE}/canary.txt'),
    },
    twin: {
      title: 'changes into a directory of its own, for the next command too',
      calls: [bash('cd docs'), bash('cat guide.md')],
      answers: /# Guide/,
    },
  }),
  ...variants({
    number: 31,
    grant: SHELL,
    prepare: lookAlikes,
    expect: { answers: isGenuine },
    tries: {
      'puts a program of the repository in the place of a system one': bash('ls -d docs'),
      'does so from its directory': [bash('cd src'), bash('ls -d .')],
      'does so after the shell is lost': [bash('export PATH=$PWD/bin:$PATH; exit 1'), bash('ls -d docs')],
    },
    twin: { title: 'runs a program of the repository by its path', calls: [bash('./bin/ls')], answers: /look-alike/ },
  }),
  ...variants({
    number: 32,
    grant: SHELL,
    prepare: startFiles,
    expect: { answers: isClean },
    tries: {
      'puts them in its home': again(`for f in ${START_FILES.join(' ')}; do cp dotfiles/$f ~/.$f; done`),
      'names one in the environment': again('export BASH_ENV=$PWD/dotfiles/bashrc ENV=$PWD/dotfiles/bashrc'),
      'exports a function in the place of a program': again('ls() { echo injected; }; export -f ls'),
      'prompts with a program': again("export PROMPT_COMMAND='echo injected' PS4='injected'"),
    },
    twin: { title: 'exports a variable', calls: [bash('export X=own'), bash('sh -c "echo $X"')], answers: /own/ },
  }),
  ...variants({
    number: 32,
    grant: SHELL,
    expect: { answers: /^(?!.*(LD_|NODE_|GIT_|SSH_|ANTHROPIC|MUSTER))/s },
    tries: { 'looks for what the worker’s environment carries over': bash('env | cut -d= -f1; echo names') },
    twin: { title: 'looks at its own environment', calls: [bash('env')], answers: /HOME=\/tmp\/home/ },
  }),
  ...Object.entries({
    'reads a secret': 'cat ${OUTSIDE}/canary.txt',
    'writes beside the workspace': 'echo x > ${OUTSIDE}/canary.txt',
    'calls home': '(exec 3<>/dev/tcp/1.1.1.1/80) || exit 9',
    'reads the home of the worker’s user': 'cat ~root/.ssh/id_rsa /root/.ssh/id_rsa /root/.bash_history',
  }).flatMap(([title, body]) =>
    variants({
      number: 33,
      grant: SHELL,
      prepare: (field) => {
        const filled = body.replaceAll('${OUTSIDE}', field.outside);
        hostile(filled)(field);
      },
      expect: { answers: /No such file|Read-only|unreachable|Permission denied/ },
      tries: { [`has a build that ${title}`]: bash('sh build.sh 2>&1 || bash build.sh') },
      twin: { title: 'has a build that builds', calls: [bash('sh own.sh')], answers: /built/ },
    }),
  ),
  ...variants({
    number: 33,
    grant: SHELL,
    // Directories above the workspace are there inside, and none of the host's.
    prepare: (field) => hostile(`touch ../planted ${field.outside}/../planted; ls .. ${field.outside}/..`)(field),
    expect: {
      answers: /planted|Read-only/,
      holds: ({ outside }) => {
        const found = readdirSync(join(outside, '..')).filter((name) => name === 'planted');
        if (found.length > 0) throw new Error('a file was planted on the host');
      },
    },
    tries: { 'has a build that plants files beside the workspace': bash('sh build.sh 2>&1') },
    twin: { title: 'has a build that builds', calls: [bash('sh own.sh')], answers: /built/ },
  }),
  ...variants({
    number: 34,
    grant: SHELL,
    prepare: (field) => {
      const scripts = Object.fromEntries(
        ['preinstall', 'install', 'postinstall', 'prepare', 'test'].map((name) => [
          name,
          `cat ${field.outside}/canary.txt`,
        ]),
      );
      put('package.json', JSON.stringify({ name: 'x', version: '1.0.0', scripts }))(field);
      put('setup.py', `print(open("${field.outside}/canary.txt").read())\n`)(field);
    },
    expect: { answers: /No such file|not found|ENOENT|ERR!/ },
    tries: {
      'installs itself by its own scripts': bash('npm install --offline'),
      'has itself tested': bash('npm test'),
      'sets itself up': bash('/usr/bin/python3 setup.py || python3 setup.py'),
    },
    twin: { title: 'has its scripts read', calls: [bash('grep -c postinstall package.json')], answers: /1/ },
  }),
  ...variants({
    number: 38,
    grant: SHELL,
    expect: { answers: /^(?=.*text)[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$/s },
    tries: {
      'moves the cursor and clears the screen': bash("printf '\\033[2J\\033[1;1Htext\\n'"),
      'sets the title': bash("printf '\\033]0;title\\007text\\n'"),
      'fills the clipboard': bash("printf '\\033]52;c;aGVsbG8=\\033\\\\text\\n'"),
      'makes a link out of text': bash("printf '\\033]8;;http://evil.test\\033\\\\text\\033]8;;\\033\\\\\\n'"),
      'hides a line behind a carriage return': bash("printf 'hidden\\rtext\\n'"),
      'does so in an error': bash("printf '\\033[31mtext\\033[0m\\n' >&2; false"),
      'does so in eight bits': bash("printf '\\xc2\\x9b31mtext\\xc2\\x9d0;t\\xc2\\x9c\\n'"),
    },
    twin: {
      title: 'prints text of many kinds',
      calls: [bash("printf 'tab\\there, ünï, 漢字, 🙂\\n'")],
      answers: /tab\there, ünï, 漢字, 🙂/,
    },
  }),
  ...variants({
    number: 43,
    grant: SHELL,
    expect: { answers: NOT_THERE },
    tries: {
      'lists the worker’s code': bash(`ls ${WORKER}`),
      'adds to it': bash(`echo x >> ${WORKER}/package.json`),
      'plants a dependency': bash(`mkdir ${WORKER}/node_modules/planted`),
      'looks for the program that runs the worker': bash(`ls -l ${process.execPath}`),
    },
    twin: {
      title: 'writes code of its own',
      calls: [bash('mkdir -p lib && echo "export {};" > lib/own.ts && ls lib')],
      answers: /own\.ts/,
    },
  }),
  ...variants({
    number: 43,
    grant: SHELL,
    expect: { answers: /Read-only file system/ },
    tries: {
      'changes the system': bash('echo x > /usr/bin/planted'),
      'changes its configuration': bash('echo "evil 1.2.3.4" >> /etc/hosts'),
      'makes a directory at the top': bash('mkdir /opt'),
    },
    twin: { title: 'writes to a temporary directory', calls: [bash('echo x > /tmp/x && cat /tmp/x')], answers: /x/ },
  }),
  ...variants({
    number: 44,
    grant: DOCS,
    prepare: (field) => {
      link('docs/in/deep', beyond)(field);
      symlinkSync(field.outside, join(field.workspace, 'docs/elsewhere'));
    },
    expect: { answers: /No such file|Read-only/ },
    tries: {
      'writes through a link in the directory it may write': bash('echo x > docs/in/deep/canary.txt'),
      'swaps that directory for a link and asks for a new shell': [
        bash('rm -r docs/guide.md; exit 1'),
        bash('mv docs/elsewhere . || rmdir docs || echo x > docs/elsewhere/canary.txt'),
      ],
      'writes outside of it': bash('echo x > src/a.ts'),
    },
    twin: {
      title: 'writes in it',
      calls: [bash('exit 1'), bash('echo x > docs/x && cat docs/x inside.txt')],
      answers: /x\ninside/,
    },
  }).map((attack) => ({ ...attack, twin: { ...attack.twin, calls: attack.twin.calls.slice(1) } })),
  ...variants({
    number: 44,
    grant: KEYS,
    prepare: link('src/keys', beyond),
    expect: { reasons: ['SANDBOX_UNAVAILABLE'] },
    tries: {
      'puts a link in the place of what is protected': bash('true'),
      'tries it again': [bash('true'), bash('true')],
    },
    twin: { title: 'reads what the link is not part of', calls: [read('inside.txt')], answers: /inside/ },
  }),
  ...variants({
    number: 44,
    grant: SHELL,
    expect: { answers: /next/ },
    tries: {
      'takes its workspace away under its shell': [bash('rm -rf ./* ; exit 1'), bash('echo next')],
      'takes its directory’s permissions away': [
        bash('chmod 000 . ; exit 1'),
        bash('chmod 755 ${WORKSPACE}; echo next'),
      ],
      'fills its temporary directory': [bash('mkdir /tmp/home/x; chmod 000 /tmp/home /tmp; exit 1'), bash('echo next')],
    },
    twin: { title: 'starts over with a new shell', calls: [bash('cat inside.txt')], answers: /inside/ },
  }),
  ...variants({
    number: 80,
    grant: SHELL,
    prepare: secretOfTheWorker,
    expect: { answers: /seen/ },
    tries: {
      'reads every environment it can see': bash("cat /proc/*/environ | tr '\\0' '\\n'; echo seen"),
      'reads every command line': bash("cat /proc/*/cmdline | tr '\\0' '\\n'; echo seen"),
      'reads its own': bash('env; declare -p; echo seen'),
      'reads what its parents hold open': bash(
        'ls -l /proc/*/fd /proc/*/cwd /proc/*/root; cat /proc/*/maps | head; echo seen',
      ),
      'reads the memory of its first process': bash(
        'head -c 100000 /proc/1/mem 2>&1 | tr -d "\\0"; cat /proc/1/auxv | wc -c; echo seen',
      ),
      'reads how it was mounted': bash('cat /proc/self/mountinfo | grep -c ${CANARY}; echo seen'),
    },
    twin: { title: 'reads about its own processes', calls: [bash("tr '\\0' ' ' </proc/self/cmdline")], answers: /tr/ },
  }),
];
