import { execFileSync } from 'node:child_process';
import { linkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Overrides, ToolWorld } from './tool-world.ts';

export const FILES = {
  'a.ts': 'inside a\n',
  'src/b.ts': 'inside b\n',
  'src/deep/c.ts': 'inside c\n',
  '%2e%2e/x.ts': 'inside encoded\n',
  '~/x.ts': 'inside tilde\n',
  '$HOME/x.ts': 'inside variable\n',
  'secrets/key.ts': 'inside key\n',
  'config/plain.ts': 'inside plain\n',
};

export interface Action {
  tool: string;
  input: Record<string, unknown>;
  with?: Overrides;
}

const read = (file_path: string, overrides: Overrides = {}): Action => ({
  tool: 'Read',
  input: { file_path },
  with: overrides,
});
const write = (file_path: string, overrides: Overrides = {}): Action => ({
  tool: 'Write',
  input: { file_path, content: 'written\n' },
  with: overrides,
});
const edit = (file_path: string, overrides: Overrides = {}): Action => ({
  tool: 'Edit',
  input: { file_path, old_string: 'inside', new_string: 'edited' },
  with: overrides,
});
const glob = (pattern: string, path?: string): Action => ({
  tool: 'Glob',
  input: path ? { pattern, path } : { pattern },
});
const grep = (pattern: string, path?: string): Action => ({
  tool: 'Grep',
  input: { pattern, output_mode: 'content', ...(path === undefined ? {} : { path }) },
});

type Build = (world: ToolWorld) => void;
const link =
  (name: string, target: (world: ToolWorld) => string): Build =>
  (world) =>
    symlinkSync(target(world), join(world.root, name));
const keyDenied: Overrides = { grant: { deny: ['Read(secrets/**)'] } };

export interface Attack {
  name: string;
  build?: Build;
  attacks: (world: ToolWorld) => Action[];
  reason: string;
  twin: (world: ToolWorld) => Action;
}

/** Classes of security.md §4 that concern the dispatcher, each with the nearest honest call. */
export const ATTACKS: Attack[] = [
  {
    name: '1 relative escape',
    attacks: () => [
      read('../outside/secret'),
      write('../outside/new'),
      edit('src/../../outside/secret'),
      glob('*', '..'),
      grep('c', '../outside'),
    ],
    reason: 'PATH_OUTSIDE',
    twin: () => read('src/../a.ts'),
  },
  {
    name: '1 relative escape out of a working directory below the root',
    attacks: () => [
      read('../../outside/secret', { directory: 'src' }),
      read('../../../../etc/passwd', { directory: 'src' }),
    ],
    reason: 'PATH_OUTSIDE',
    twin: () => read('../a.ts', { directory: 'src' }),
  },
  {
    name: '2 absolute path',
    attacks: (world) => [
      read('/etc/passwd'),
      read(join(world.outside, 'secret')),
      write(join(world.outside, 'new')),
      glob('*', '/'),
      grep('c', world.outside),
    ],
    reason: 'PATH_OUTSIDE',
    twin: (world) => read(join(world.root, 'a.ts')),
  },
  {
    name: '3 sibling that shares the prefix',
    attacks: (world) => [
      read(`${world.root}-sibling/secret`),
      write(`${world.root}-sibling/new`),
      glob('*', `${world.root}-sibling`),
    ],
    reason: 'PATH_OUTSIDE',
    twin: (world) => read(`${world.root}/src/b.ts`),
  },
  {
    name: '4 unnormalised segments',
    attacks: (world) => [
      read(`${world.root}//..//outside/secret`),
      read('.//..//./outside/secret'),
      write('src/.././/../outside/new'),
    ],
    reason: 'PATH_OUTSIDE',
    twin: (world) => read(`${world.root}//src/.//b.ts`),
  },
  {
    name: '6 NUL in a path',
    attacks: () => [
      read('a.ts\0.png'),
      write('new\0'),
      glob('*', 'src\0'),
      edit('a.ts\0'),
      read('a'.repeat(5_000)),
      read('\ud800'),
    ],
    reason: 'BAD_PATH',
    twin: () => read('a.ts'),
  },
  {
    name: '8 case folding against protected and denied paths',
    attacks: () => [read('.GIT/config'), write('.Git/hooks/post-checkout'), write('.GIT/config'), edit('.gIt/config')],
    reason: 'PROTECTED_PATH',
    twin: () => write('git/config'),
  },
  {
    name: '9 symlinked file, read',
    build: link('leak', (world) => join(world.outside, 'secret')),
    attacks: () => [read('leak'), grep('c', 'leak'), edit('leak'), write('leak')],
    reason: 'SYMLINK_ESCAPE',
    twin: () => read('a.ts'),
  },
  {
    name: '9 symlink that climbs',
    build: link('src/up', () => '../../outside/secret'),
    attacks: () => [read('src/up')],
    reason: 'SYMLINK_ESCAPE',
    twin: () => read('src/b.ts'),
  },
  {
    name: '10 symlinked directory in the middle',
    build: link('src/out', (world) => world.outside),
    attacks: () => [
      write('src/out/new.ts'),
      read('src/out/secret'),
      edit('src/out/file.ts'),
      write('src/out/deep/new/x.ts'),
      glob('*', 'src/out'),
      grep('c', 'src/out/deep'),
    ],
    reason: 'SYMLINK_ESCAPE',
    twin: () => write('src/out2/new.ts'),
  },
  {
    name: '10 chain of links, the last one out',
    build: (world) => {
      symlinkSync('two', join(world.root, 'one'));
      symlinkSync('src/three', join(world.root, 'two'));
      symlinkSync(world.outside, join(world.root, 'src/three'));
    },
    attacks: () => [read('one/secret'), write('one/new')],
    reason: 'SYMLINK_ESCAPE',
    twin: () => read('src/deep/c.ts'),
  },
  {
    name: '11 dangling symlink as write target',
    build: link('dangling', (world) => join(world.outside, 'created')),
    attacks: () => [write('dangling'), edit('dangling'), read('dangling')],
    reason: 'SYMLINK_ESCAPE',
    twin: () => write('created'),
  },
  {
    name: '13 hard link to an outside inode',
    build: (world) => linkSync(join(world.outside, 'secret'), join(world.root, 'hard')),
    attacks: () => [read('hard'), write('hard'), edit('hard')],
    reason: 'HARDLINK',
    twin: () => edit('a.ts'),
  },
  {
    name: '16 process file system',
    build: (world) => symlinkSync('/proc/self/root', join(world.root, 'rootlink')),
    attacks: (world) => [
      read(`/proc/self/root${world.outside}/secret`),
      read('/proc/self/environ'),
      read(`/proc/self/cwd/../../../${world.root}/a.ts`),
    ],
    reason: 'PATH_OUTSIDE',
    twin: () => read('a.ts'),
  },
  {
    name: '16 process file system through a link',
    build: link('proc', () => '/proc/self/root'),
    attacks: (world) => [read(`proc${world.outside}/secret`), glob('*', 'proc/etc'), read('proc/../secret')],
    reason: 'SYMLINK_ESCAPE',
    twin: () => read('a.ts'),
  },
  {
    name: '17 special files',
    build: (world) => execFileSync('mkfifo', [join(world.root, 'fifo')]),
    attacks: () => [read('fifo'), write('fifo'), edit('fifo')],
    reason: 'NOT_REGULAR',
    twin: () => read('a.ts'),
  },
  {
    name: '18 glob escape',
    attacks: () => [
      glob('../**'),
      glob('src/../../**'),
      glob('/etc/*'),
      glob('{a,../outside}/*'),
      { tool: 'Grep', input: { pattern: 'c', glob: '../**' } },
    ],
    reason: 'PATH_OUTSIDE',
    twin: () => glob('**'),
  },
  {
    name: '20 deny rule inside an allowed tree, respelled',
    build: (world) => {
      symlinkSync('secrets', join(world.root, 'alias'));
      symlinkSync('../secrets/key.ts', join(world.root, 'src/key'));
    },
    attacks: (world) =>
      [
        'secrets/key.ts',
        './secrets//key.ts',
        'src/../secrets/key.ts',
        `${world.root}/secrets/key.ts`,
        'alias/key.ts',
        'src/key',
      ]
        .flatMap((path) => [read(path, keyDenied), edit(path, keyDenied)])
        .concat(write('SECRETS/new', keyDenied), { ...grep('inside', 'secrets/key.ts'), with: keyDenied }),
    reason: 'DENIED_BY_RULE',
    twin: () => read('config/plain.ts', keyDenied),
  },
  {
    name: '21 protected file absent at start',
    attacks: () => [
      write('.claude/settings.json'),
      write('.vscode/tasks.json'),
      write('.mcp.json'),
      write('src/.npmrc'),
      write('.git'),
      write('.husky/pre-commit'),
    ],
    reason: 'PROTECTED_PATH',
    twin: () => write('docs/settings.json'),
  },
  {
    name: '22 write into a read-only scope',
    attacks: () => [
      write('a.ts', { grant: { allow: ['Read', 'Edit(src/**)'] } }),
      edit('a.ts', { grant: { allow: ['Read'] } }),
      write('new', { mayWrite: false }),
      edit('src/b.ts', { mayWrite: false }),
    ],
    reason: 'NOT_GRANTED',
    twin: () => write('src/b.ts', { grant: { allow: ['Edit(src/**)'] } }),
  },
  {
    name: '22 write through a link out of its scope',
    build: link('src/up', () => '../a.ts'),
    attacks: () => [write('src/up', { grant: { allow: ['Read', 'Edit(src/**)'] } })],
    reason: 'NOT_GRANTED',
    twin: () => write('src/down', { grant: { allow: ['Read', 'Edit(src/**)'] } }),
  },
  {
    name: '24 working directory chosen by the model',
    attacks: () => [
      { tool: 'Bash', input: { command: 'cat secret', cwd: '/etc' } },
      { tool: 'mcp__fs__read', input: { path: '/etc/passwd' } },
    ],
    reason: 'NOT_GRANTED',
    twin: () => glob('*.ts', 'src'),
  },
  {
    name: '26 program-running flag of a search tool',
    attacks: () => [
      { tool: 'Grep', input: { pattern: 'x', '--pre': 'sh' } },
      { tool: 'Glob', input: { pattern: '*', '--exec': 'id' } },
    ],
    reason: 'FLAG_DENIED',
    twin: () => grep('inside'),
  },
];
