import { mkdirSync, readFileSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Refusal, ToolError } from '../../../activities/tools/refusal.ts';
import { resolvePath, workingDirectory } from '../../../activities/tools/resolved-path.ts';
import { CANARY, ToolWorld } from './tool-world.ts';

let world: ToolWorld;
beforeAll(() => {
  world = new ToolWorld({ 'a/f': 'af', 'a/b/f': 'abf', 'b/f': 'bf', f: 'f' });
  const links: [string, string][] = [
    ['in', 'a'],
    ['a/up', '..'],
    ['a/b/side', '../../b'],
    ['b/abs', join(world.root, 'a/b')],
    ['file', 'a/f'],
    ['out', world.outside],
    ['a/out', '../../outside'],
    ['b/leak', '../../outside/secret'],
    ['loop', 'loop'],
    ['dangling', 'a/none'],
  ];
  for (const [name, target] of links) symlinkSync(target, join(world.root, name));
});
afterAll(() => world[Symbol.dispose]());

const NAMES = ['a', 'b', 'f', 'in', 'up', 'side', 'abs', 'file', 'out', 'leak', 'loop', 'dangling', 'none', 'secret'];
const parts = fc.array(fc.constantFrom(...NAMES, '..', '..', '.', ''), { minLength: 1, maxLength: 7 });

/** What the kernel says: the real path, or undefined where it finds nothing. */
function kernel(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}

const isInside = (path: string): boolean => path === world.root || path.startsWith(`${world.root}/`);

test('a path means what the kernel takes it for, as long as each step stays inside, and nothing else', async () => {
  const seen = { resolved: 0, refused: 0 };
  const property = fc.asyncProperty(
    parts,
    fc.constantFrom('', 'a', 'a/b'),
    fc.boolean(),
    async (names, directory, absolute) => {
      const workspace = { root: world.root, directory: join(world.root, directory), mayWrite: true };
      const base = absolute ? world.root : workspace.directory;
      const input = absolute ? `${world.root}/${names.join('/')}` : names.join('/');
      if (!absolute && input.startsWith('/')) return;
      const steps = names.map((_, index) => kernel(`${base}/${names.slice(0, index + 1).join('/')}`));
      const leaves = steps.some((step) => step !== undefined && !isInside(step));
      const real = steps.at(-1);
      try {
        const { path, type } = await resolvePath(input, workspace);
        expect(path.split('/')).not.toContain('..');
        if (type === 'missing') expect(real).toBeUndefined();
        else {
          // The kernel wants a directory before a final slash; the name means the same without it.
          expect(real ?? kernel(join(world.root, path))).toBe(join(world.root, path).replace(/\/$/, ''));
          expect(leaves).toBe(false);
          seen.resolved++;
        }
      } catch (error) {
        if (error instanceof Refusal) {
          seen.refused++;
          expect(leaves || error.reason === 'BAD_PATH').toBe(true);
        } else expect([error instanceof ToolError, real]).toEqual([true, undefined]);
      }
    },
  );
  await fc.assert(property, { numRuns: 2_000 });
  expect(Math.min(seen.resolved, seen.refused)).toBeGreaterThan(50);
});

test('whatever is read or written by any path, the canary outside is neither seen nor touched', async () => {
  const before = world.outsideState();
  let answered = 0;
  const directories = fc.array(fc.constantFrom('a', 'b', 'in', 'up', 'side', 'out', '..'), { maxLength: 2 });
  const likely = directories.map((names) => [...names, 'f']);
  const property = fc.asyncProperty(fc.oneof(parts, likely), fc.boolean(), async (names, writes) => {
    const input = names.join('/');
    const answer = writes
      ? await world.run('Edit', { file_path: input, old_string: 'f', new_string: 'ff', replace_all: false })
      : await world.run('Read', { file_path: input });
    expect(answer.content).not.toContain(CANARY);
    const real = kernel(`${world.root}/${input}`);
    if (answer.isError || writes || real === undefined) return;
    answered++;
    expect(answer.content).toBe(`     1\t${readFileSync(real, 'utf8')}`);
  });
  await fc.assert(property, { numRuns: 500 });
  expect(answered).toBeGreaterThan(10);
  expect(world.outsideState()).toBe(before);
});

test('every spelling with a link in it is there to be decided', async () => {
  const workspace = world.context().workspace;
  const spellings = async (path: string) => (await resolvePath(path, workspace)).spellings.sort();
  expect(await spellings('a/f')).toEqual(['a/f']);
  expect(await spellings('in/b/f')).toEqual(['a/b/f', 'in/b/f']);
  expect(await spellings('in/up/file')).toEqual(['a/f', 'a/up/file', 'file', 'in/up/file']);
  expect(await spellings('b/abs/../f')).toEqual(['a/f', 'b/abs']);
  expect(await spellings('in/new/file')).toEqual(['a/new/file', 'in/new/file']);
});

test('a working directory outside its workspace is a mistake of the caller', () => {
  expect(() => workingDirectory({ root: '/w/a', directory: '/w/ab', mayWrite: false })).toThrow('outside');
  expect(workingDirectory({ root: '/w/a', directory: '/w/a', mayWrite: false })).toBe('');
  expect(workingDirectory({ root: '/w/a', directory: '/w/a/b/c', mayWrite: false })).toBe('b/c');
});

test('a workspace below a symbolic link of the host’s own works as any other', async () => {
  const alias = join(world.base, 'alias');
  symlinkSync(world.root, alias);
  const workspace = { root: alias, directory: join(alias, 'a'), mayWrite: true };
  const context = { ...world.context(), workspace };
  const read = (file_path: string) => world.dispatcher.run({ name: 'Read', input: { file_path } }, context);
  expect((await read('f')).content).toContain('a');
  expect((await read(join(alias, 'b/f'))).content).toContain('b');
  expect((await read('../out/secret')).denial?.reason).toBe('SYMLINK_ESCAPE');
  mkdirSync(join(world.root, 'late'), { recursive: true });
  writeFileSync(join(world.root, 'late/x'), 'x');
  expect(statSync(join(alias, 'late/x')).isFile()).toBe(true);
  expect((await read('../late/x')).isError).toBe(false);
});
