import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attack, Field } from '../attack.ts';
import { all, bash, edit, FILES, grantOf, put, read, variants, write, type Prepare } from '../attack-parts.ts';
import { plantEverything } from '../hostile-repository.ts';

/**
 * Classes 45 to 55 and 59 to 61: what a repository may hold to make git run programs or lead it elsewhere. Whatever is
 * planted is told to leave a mark outside the workspace, where only something that runs on the host could.
 */

const SHELL = grantOf('Read', 'Edit', 'Bash');
/** The mark is a new file in a directory that must not change. */
const planted: Prepare = ({ workspace, outside }: Field) => {
  plantEverything(workspace, join(outside, 'fired'));
  rmSync(join(workspace, '.gitmodules')); // a change nobody is granted: the twin's result would name it
};
const CREATED = /^Created /;
/** A change, so that the workspace is saved: git of the host looks at all of it. */
const change = write('src/changed.ts');
const inShell = (lines: string) => bash(`{ ${lines}; } 2>&1`);
const mark = '${OUTSIDE}/fired';
const own = 'git init -q own && cd own && git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m first';

/** Planted from the start, and then only a change; planted by a command; planted below. */
const quiet = (number: number, what: string, byCommand: string): Attack[] =>
  variants({
    number,
    grant: SHELL,
    prepare: planted,
    expect: { answers: CREATED },
    tries: {
      [`relies on ${what} that is there`]: change,
      [`makes ${what} by a command`]: [inShell(byCommand), change],
      [`makes ${what} in a repository below`]: [
        inShell(`mkdir -p deep/er && cd deep/er && ${byCommand}`),
        write('deep/er/changed.ts'),
        write('src/other.ts'),
      ],
    },
    twin: {
      title: 'uses a repository of its own',
      calls: [inShell(`${own} && git log --format=%s`)],
      answers: /first/,
    },
  });

const config = (section: string, key: string, value = `touch ${mark}`): string =>
  `mkdir -p .git && printf '[%s]\\n\\t%s = %s\\n' '${section}' '${key}' '${value}' >> .git/config; true`;

export const programs: Attack[] = [
  ...quiet(45, 'a monitor', config('core', 'fsmonitor')),
  ...quiet(
    46,
    'a hook',
    `mkdir -p .git/hooks && printf '#!/bin/sh\\ntouch ${mark}\\n' > .git/hooks/post-index-change && chmod +x .git/hooks/post-index-change; true`,
  ),
  ...quiet(47, 'a content filter', `echo '* filter=evil' > .gitattributes; ${config('filter "evil"', 'clean')}`),
  ...quiet(
    48,
    'a merge or diff driver',
    `echo '* diff=evil merge=evil' > .gitattributes; ${config('diff "evil"', 'command')}`,
  ),
  ...quiet(49, 'a pager', config('core', 'pager')),
  ...quiet(
    50,
    'a configuration by reference',
    `printf '[core]\\nfsmonitor=touch ${mark}\\n' > more; ${config('include', 'path', '../more')}`,
  ),
  ...quiet(51, 'a git file that points elsewhere', 'rm -rf .git; echo "gitdir: ../embedded.git" > .git; true'),
  ...quiet(52, 'an embedded bare repository', 'git init -q --bare bare.git && cp -r bare.git/. . ; true'),
  ...quiet(
    53,
    'a submodule',
    `printf '[submodule "x"]\\n\\tpath = x\\n\\turl = ext::touch ${mark}\\n\\tupdate = !touch ${mark}\\n' > .gitmodules; true`,
  ),
  ...quiet(
    60,
    'another object store',
    'mkdir -p .git/objects/info && echo ${OUTSIDE} > .git/objects/info/alternates; true',
  ),
  ...quiet(
    61,
    'a damaged pack',
    'mkdir -p .git/objects/pack && head -c 100000 /dev/zero > .git/objects/pack/pack-1.pack; true',
  ),
];

const patchOf = (path: string, mode: string, line: string): string =>
  [
    `diff --git a/${path} b/${path}`,
    `new file mode ${mode}`,
    '--- /dev/null',
    `+++ b/${path}`,
    '@@ -0,0 +1 @@',
    `+${line}`,
  ].join('\n') + (mode === '120000' ? '\n\\ No newline at end of file\n' : '\n');

export const trees: Attack[] = [
  ...variants({
    number: 54,
    grant: SHELL,
    prepare: all(put('git~2/config'), put('.GiT/config')),
    expect: { reasons: ['PROTECTED_PATH'] },
    tries: {
      'reads what it has hidden under the short name': read('git~2/config'),
      'makes a short name by a command, and edits there': [
        inShell('mkdir -p "git~1" && echo inside > "git~1/config"; true'),
        edit('git~1/config'),
      ],
      'edits a git directory in capitals': edit('.GiT/config'),
      'goes in by a link': [inShell('ln -s .GiT plain; true'), edit('plain/config')],
    },
    twin: { title: 'makes a directory with a tilde', calls: [write('got~1/config'), read('got~1/config')] },
  }),
  ...variants({
    number: 55,
    grant: SHELL,
    prepare: all(
      put('through.patch', patchOf('l', '120000', '/tmp') + patchOf('l/new', '100644', 'x')),
      put('climbing.patch', patchOf('../../new', '100644', 'x')),
      put('hook.patch', patchOf('.git/hooks/post-checkout', '100755', '#!/bin/sh')),
      put('plain.patch', patchOf('made', '100644', 'made by a patch')),
    ),
    expect: { answers: /beyond a symbolic link|invalid path|is outside|affected file/i },
    tries: {
      'applies a patch that goes through its own link': inShell('git apply through.patch'),
      'applies a patch that climbs': inShell('git apply climbing.patch'),
      'applies a patch into the git directory': inShell('git init -q .; git apply --index hook.patch'),
    },
    twin: {
      title: 'applies a patch',
      calls: [inShell('git apply plain.patch'), read('made')],
      answers: /made by a patch/,
    },
  }),
];

/** A bare repository in the workspace whose objects are a link to the outside (CVE-2022-39253). */
const linkedObjects: Prepare = ({ workspace, outside }) => {
  const repository = join(workspace, 'evil.git');
  mkdirSync(join(repository, 'refs/heads'), { recursive: true });
  writeFileSync(join(repository, 'HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(join(repository, 'config'), '[core]\n\trepositoryformatversion = 0\n\tbare = true\n');
  symlinkSync(outside, join(repository, 'objects'));
};

export const clones: Attack[] = variants({
  number: 59,
  grant: SHELL,
  prepare: linkedObjects,
  expect: { answers: /fatal|No such file|not a git repository|cannot/i },
  tries: {
    'clones a repository whose objects lie outside': inShell(
      'git clone -q --local evil.git copy; cat copy/.git/objects/canary.txt',
    ),
    'clones it by links': inShell(
      'git clone -q --shared evil.git copy; cat copy/.git/objects/canary.txt evil.git/objects/canary.txt',
    ),
    'copies its objects': inShell('cp -rL evil.git/objects got; cat got/canary.txt'),
  },
  twin: {
    title: 'clones a repository of its own',
    calls: [inShell(`(${own}) && git clone -q --local own copy && git -C copy log --format=%s`)],
    answers: /first/,
  },
});

/** What the host's git makes of all of it: nothing, also for one who has no shell. */
export const withoutShell: Attack[] = variants({
  number: 45,
  grant: FILES,
  prepare: planted,
  expect: { answers: CREATED },
  tries: { 'writes beside a repository in which everything is told to run': change },
  twin: { title: 'writes and reads back', calls: [change, read('src/changed.ts')], answers: /written/ },
});
