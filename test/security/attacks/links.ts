import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attack, Call } from '../attack.ts';
import {
  SHELL,
  read,
  write,
  edit,
  glob,
  grep,
  bash,
  variants,
  put,
  link,
  all,
  beyond,
  canary,
  type Prepare,
} from '../attack-parts.ts';

/** Classes 9 to 15: links of all kinds, there from the start, planted by a command, or swapped meanwhile. */

/**
 * A second name of a file outside. Where the workspace is a mount of its own the kernel refuses that, and it is one of a
 * file inside: nobody can tell the two apart by looking.
 */
const hardLink =
  (path: string): Prepare =>
  ({ workspace, outside }) => {
    try {
      linkSync(join(outside, 'canary.txt'), join(workspace, path));
    } catch {
      writeFileSync(join(workspace, 'first'), 'canary-trial\n');
      linkSync(join(workspace, 'first'), join(workspace, path));
    }
  };

export const links: Attack[] = [
  ...variants({
    number: 9,
    prepare: all(
      link('leak', canary),
      link('src/two', () => '../leak'),
    ),
    expect: { reasons: ['SYMLINK_ESCAPE'] },
    tries: {
      'reads a link to a file outside': read('leak'),
      'searches it': grep('canary', 'leak'),
      'edits it': edit('leak', 'canary'),
      'replaces it': write('leak'),
      'reads it by a link to the link': read('src/two'),
    },
    twin: { title: 'reads a file', calls: [read('inside.txt')], answers: /inside/ },
  }),
  ...variants({
    number: 10,
    prepare: all(
      link('src/out', beyond),
      link('way', () => 'src/out'),
      link('climb', () => 'src/../../..'),
    ),
    expect: { reasons: ['SYMLINK_ESCAPE'] },
    tries: {
      'writes through a link to a directory': write('src/out/new.ts'),
      'makes directories through it': write('src/out/a/b/new.ts'),
      'reads through it': read('src/out/canary.txt'),
      'edits through two of them': edit('way/canary.txt', 'canary'),
      'lists through it': glob('*', 'src/out'),
      'searches through it': grep('canary', 'way'),
      'climbs by a relative one': read('climb/etc/passwd'),
    },
    twin: { title: 'writes into a new directory', calls: [write('src/out2/new.ts')] },
  }),
  ...variants({
    number: 11,
    prepare: all(
      link('dangling', ({ outside }) => join(outside, 'made')),
      link('deep', ({ outside }) => join(outside, 'no/such')),
    ),
    expect: { reasons: ['SYMLINK_ESCAPE'] },
    tries: {
      'writes to a link that leads nowhere yet': write('dangling'),
      'edits it': edit('dangling'),
      'makes a directory of it': write('dangling/new'),
      'makes directories far away': write('deep/a/b'),
    },
    twin: { title: 'writes a new file', calls: [write('made')] },
  }),
  ...variants({
    number: 12,
    grant: SHELL,
    expect: { reasons: ['SYMLINK_ESCAPE'] },
    tries: {
      'plants a link by a command and reads through it': [bash('ln -s ${OUTSIDE} out'), read('out/canary.txt')],
      'plants one and writes through it': [bash('ln -s ${OUTSIDE} out'), write('out/new')],
      'puts one in place of a directory it has read': [
        read('src/a.ts'),
        bash('mv src was && ln -s ${OUTSIDE} src'),
        edit('src/canary.txt', 'canary'),
      ],
      'plants one and searches': [bash('ln -s / everything'), grep('root:', 'everything/etc/passwd')],
    },
    twin: {
      title: 'links a file of its own and reads it',
      calls: [bash('ln -s inside.txt own'), read('own')],
      answers: /inside/,
    },
  }),
  ...variants({
    number: 13,
    prepare: hardLink('hard'),
    expect: { reasons: ['HARDLINK'] },
    tries: {
      'reads a second name of a file outside': read('hard'),
      'writes to it': write('hard'),
      'edits it': edit('hard', 'canary'),
    },
    twin: { title: 'edits a file of one name', calls: [edit('inside.txt')] },
  }),
  ...variants({
    number: 13,
    prepare: hardLink('hard'),
    expect: { answers: /^No(thing| file)/ },
    tries: {
      'searches it among others': grep('canary-trial'),
      'lists it among others': glob('hard'),
    },
    twin: { title: 'searches', calls: [grep('inside')], answers: /inside/ },
  }),
];

const SWAPPER = `
  const { renameSync } = require('node:fs');
  const swap = () => { renameSync('one', 'three'); renameSync('two', 'one'); renameSync('three', 'two'); };
  for (let i = 0; i < 60_000; i++) { try { swap(); } catch { try { renameSync('three', 'two'); } catch { process.exit(); } } }`;

/** `one`, a directory, and `two`, a link to the outside, change places until the workspace is closed. */
const swapping: Attack['prepare'] = async (field) => {
  all(put('one/canary.txt'), put('one/deep/canary.txt'), link('two', beyond))(field);
  const child = spawn(process.execPath, ['-e', SWAPPER], { cwd: field.workspace, stdio: 'ignore' });
  await once(child, 'spawn');
  field.leave = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  };
};

const often = (call: Call): Call[] => Array.from({ length: 8 }, () => call);

export const races: Attack[] = [
  ...variants({
    number: 14,
    prepare: swapping,
    expect: { answers: /inside|Denied|There is no|failed \(E[A-Z]+\)|Nothing|No file|one/ },
    tries: {
      'reads while a directory and a link change places': often(read('one/canary.txt')),
      'searches meanwhile': often(grep('.', 'one')),
      'asks by name alone who holds the canary': often(grep('canary-trial', '.', 'files_with_matches')),
      'edits meanwhile': often(edit('one/canary.txt')),
    },
    twin: { title: 'reads beside it', calls: [read('inside.txt')], answers: /inside/ },
  }),
  ...variants({
    number: 15,
    prepare: swapping,
    expect: { answers: /Created|Replaced|Denied|There is no|failed \(E[A-Z]+\)/ },
    tries: {
      'makes directories while their parent is replaced': often(write('one/new/deep/file')),
      'makes a file while its directory is replaced': often(write('one/new')),
      'replaces one meanwhile': often(write('one/canary.txt')),
    },
    twin: { title: 'makes directories beside it', calls: [write('made/new/deep/file')] },
  }),
];
