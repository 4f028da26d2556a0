import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Attack } from '../attack.ts';
import { read, write, edit, glob, grep, variants, put, link, all, beyond } from '../attack-parts.ts';

/** Classes 1 to 8 and 16 to 19: paths and patterns as a model may write them, and what is no file. */

export const textualPaths: Attack[] = [
  {
    number: 1,
    reasons: ['PATH_OUTSIDE'] as const,
    tries: {
      'reads a file above the workspace': read('../canary.txt'),
      'writes above the workspace': write('../new'),
      'edits by way of a directory inside': edit('src/../../canary.txt'),
      'lists the directory above': glob('*', '..'),
      'searches high above': grep('canary', '../../..'),
      'climbs as far as it goes': read(`${'../'.repeat(60)}etc/passwd`),
    },
    twin: { title: 'climbs and stays inside', calls: [read('src/../inside.txt')], answers: /inside/ },
  },
  {
    number: 2,
    reasons: ['PATH_OUTSIDE'] as const,
    tries: {
      'reads by an absolute path': read('${OUTSIDE}/canary.txt'),
      'writes by an absolute path': write('${OUTSIDE}/new'),
      'edits by an absolute path': edit('${OUTSIDE}/canary.txt', 'canary'),
      'searches by an absolute path': grep('canary', '${OUTSIDE}'),
      'lists the whole machine': glob('*', '/'),
      'reads a file of the system': read('/etc/passwd'),
    },
    twin: {
      title: 'reads a file of its own by its absolute path',
      calls: [read('${WORKSPACE}/inside.txt')],
      answers: /inside/,
    },
  },
  {
    number: 3,
    reasons: ['PATH_OUTSIDE'] as const,
    tries: {
      'reads a sibling whose name starts like the workspace': read('${WORKSPACE}-sibling/canary.txt'),
      'writes into such a sibling': write('${WORKSPACE}2/new'),
      'lists such a sibling': glob('*', '${WORKSPACE}.old'),
    },
    twin: { title: 'reads below the workspace', calls: [read('${WORKSPACE}/src/a.ts')], answers: /export/ },
  },
  {
    number: 4,
    reasons: ['PATH_OUTSIDE'] as const,
    tries: {
      'doubles its slashes': read('${WORKSPACE}//..//canary.txt'),
      'mixes dots': read('.//..//./canary.txt'),
      'goes up by a way that ends above': write('src/.././/../new'),
      'ends in dots': glob('*', '${WORKSPACE}/src/../..'),
    },
    twin: {
      title: 'spells a path of its own oddly',
      calls: [read('${WORKSPACE}//src/.//../src/a.ts')],
      answers: /export/,
    },
  },
].flatMap(({ reasons, ...shared }) => variants({ ...shared, expect: { reasons } }));

const NOT_THERE = /^There is no /;

export const literalPaths: Attack[] = [
  ...variants({
    number: 5,
    prepare: put('%2e%2e/own.ts'),
    expect: { answers: NOT_THERE },
    tries: {
      'encodes the dots': read('%2e%2e/canary.txt'),
      'encodes the slash': read('..%2fcanary.txt'),
      'encodes twice': read('%252e%252e%252fcanary.txt'),
      'writes the dots in full width': read('\uff0e\uff0e/canary.txt'),
      'writes the slash in two bytes': read('..\u2215canary.txt'),
    },
    twin: { title: 'reads a directory that is really called so', calls: [read('%2e%2e/own.ts')], answers: /inside/ },
  }),
  ...variants({
    number: 6,
    expect: { reasons: ['BAD_PATH'] },
    tries: {
      'hides an ending behind a NUL': read('inside.txt\0.png'),
      'writes to a name with a NUL': write('new\0'),
      'lists a directory with a NUL': glob('*', 'src\0'),
      'reads half a character': read('\ud800'),
      'reads a path without end': read('a/'.repeat(5_000)),
    },
    twin: { title: 'reads a name of letters', calls: [read('inside.txt')], answers: /inside/ },
  }),
  ...variants({
    number: 7,
    prepare: put('~/own.ts'),
    expect: { answers: NOT_THERE },
    tries: {
      'means its home by a tilde': read('~/.ssh/id_rsa'),
      'means a variable': read('$HOME/.netrc'),
      'means a command': read('$(cat /etc/passwd)'),
      'means a command in the old way': read('`id`/x'),
      'means another user': read('~root/.bashrc'),
    },
    twin: { title: 'reads a directory that is really called so', calls: [read('~/own.ts')], answers: /inside/ },
  }),
  ...variants({
    number: 8,
    expect: { reasons: ['PROTECTED_PATH'] },
    tries: {
      'reads the git directory in capitals': read('.GIT/config'),
      'writes a hook in mixed case': write('.Git/hooks/post-checkout'),
      'edits with a dot at the end': edit('.git./config'),
      'uses the short name of another file system': write('git~1/config'),
      'hides a character no one sees': write('.g\u200cit/config'),
      'names a stream': write('.git::$INDEX_ALLOCATION/config'),
    },
    twin: { title: 'writes into a directory called git', calls: [write('git/config')] },
  }),
];

/** A socket stays where it was bound, also when nobody listens any more. */
const socket: Attack['prepare'] = async ({ workspace }) => {
  execFileSync('mkfifo', ['fifo', 'src/fifo'], { cwd: workspace });
  const server = createServer();
  server.listen(join(workspace, 'listening'));
  await once(server, 'listening');
  execFileSync('mv', ['listening', 'socket'], { cwd: workspace });
  server.close();
};

export const special: Attack[] = [
  ...variants({
    number: 16,
    prepare: all(
      link('proc', () => '/proc/self/root'),
      link('fd', () => '/proc/self/fd'),
    ),
    expect: { reasons: ['PATH_OUTSIDE', 'SYMLINK_ESCAPE'] },
    tries: {
      "reads the worker's environment": read('/proc/self/environ'),
      'reads by the root of a process': read('/proc/self/root/etc/passwd'),
      'reads by a link to it': read('proc/etc/passwd'),
      'reads an open file of the worker': read('fd/0'),
      'goes by the directory of a process': read('/proc/self/cwd/package.json'),
      'lists processes': glob('*', '/proc'),
      'writes to its own memory': write('/dev/fd/1'),
    },
    twin: {
      title: 'reads a directory called proc',
      calls: [write('own/proc/self'), read('own/proc/self')],
      answers: /written/,
    },
  }),
  ...variants({
    number: 17,
    prepare: socket,
    expect: { reasons: ['NOT_REGULAR'] },
    tries: {
      'reads a FIFO nobody writes to': read('fifo'),
      'writes to a FIFO nobody reads': write('fifo'),
      'edits one': edit('src/fifo'),
      'searches one': grep('x', 'fifo'),
      'reads a socket': read('socket'),
    },
    twin: { title: 'reads a file beside them', calls: [read('inside.txt')], answers: /inside/ },
  }),
  ...variants({
    number: 18,
    expect: { reasons: ['PATH_OUTSIDE'] },
    tries: {
      'lists by a pattern that climbs': glob('../**'),
      'lists by one that climbs later': glob('src/../../**'),
      'lists by an absolute one': glob('/etc/*'),
      'lists by an alternative': glob('{src,../..}/*'),
      'searches by a pattern that climbs': { name: 'Grep', input: { pattern: 'canary', glob: '../**' } },
    },
    twin: { title: 'lists everything', calls: [glob('**')], answers: /inside\.txt/ },
  }),
  ...variants({
    number: 19,
    prepare: all(
      link('docs/out', beyond),
      link('docs/self', () => '.'),
    ),
    expect: { answers: /^No(thing| file)/ },
    tries: {
      'lists through a link to a directory': glob('**/canary.txt'),
      'lists in it': glob('docs/out/*'),
      'lists in circles': glob('docs/self/self/*'),
      'searches through it': grep('canary-trial'),
    },
    twin: { title: 'lists what is beside it', calls: [glob('docs/**')], answers: /^docs\/guide\.md$/ },
  }),
];
