import { rmSync, writeFileSync, readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CheckoutKind } from '../../../activities/workspace/checkouts.ts';
import { mayMount } from '../../../activities/workspace/mounts.ts';
import { Bench } from './git-fixture.ts';
import { bench, FILES, snapshot, workspacesOf } from './workspace-fixture.ts';

const scratch = new Bench();
const isMounting = await mayMount(scratch.path('mount'));
scratch.close();
const KINDS: CheckoutKind[] = isMounting ? ['overlay', 'git'] : ['git'];

describe.each(KINDS)('a workspace as it stands, by %s', (kind) => {
  it('is a source for others: what was changed, made and removed, and nothing that may not be kept', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const { open } = workspacesOf(kind);
    const mine = await open(source, { keeps: (path) => path !== 'b.txt' });
    expect(await mine.snapshot()).toBeUndefined();
    writeFileSync(join(mine.root, 'a.txt'), 'mine\n');
    writeFileSync(join(mine.root, 'made.txt'), 'made\n');
    writeFileSync(join(mine.root, 'b.txt'), 'not granted\n');
    rmSync(join(mine.root, 'src/deep/er.ts'));
    const present = await mine.snapshot();
    expect(present?.tree).not.toBe(source.tree);
    expect(await mine.snapshot()).toEqual(present);
    const theirs = await open({ ...present!, subdirectory: 'src', origin: source.origin });
    expect(theirs.tree).toBe(present!.tree);
    expect(readFileSync(join(theirs.root, 'a.txt'), 'utf8')).toBe('mine\n');
    expect(readFileSync(join(theirs.root, 'made.txt'), 'utf8')).toBe('made\n');
    expect(readFileSync(join(theirs.root, 'b.txt'), 'utf8')).toBe('b\n');
    expect(existsSync(join(theirs.root, 'src/deep/er.ts'))).toBe(false);
    // What they change is theirs: a patch against what they were given.
    expect(await theirs.save()).toBeNull();
  });

  it('is the same from a workspace that was given up and restored', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const { open } = workspacesOf(kind);
    const first = await open(source);
    writeFileSync(join(first.root, 'a.txt'), 'later\n');
    const patch = await first.save();
    const present = await first.snapshot();
    const second = await open(source, { patch });
    expect(await second.snapshot()).toEqual(present);
  });
});

it('files that many read are nobody’s to change: their source is that of all', async () => {
  const source = await snapshot(bench.repository('repo', FILES));
  const shared = await workspacesOf().open(source, { mayWrite: false });
  expect(await shared.snapshot()).toBeUndefined();
});

it('a working directory that the source does not have is made in files of one’s own, never in those that many read', async () => {
  const source = await snapshot(bench.repository('repo', FILES));
  const { open } = workspacesOf();
  for (const mayWrite of [false, true]) {
    const lost = await open({ ...source, subdirectory: 'look here' }, { mayWrite });
    expect(existsSync(lost.directory)).toBe(true);
    expect(lost.mayWrite).toBe(mayWrite);
    expect(await lost.save()).toBeNull();
  }
  const shared = await open(source, { mayWrite: false });
  expect(await shared.hasDirectory('look here')).toBe(false);
  expect(await shared.hasDirectory('src/deep')).toBe(true);
  expect(await shared.hasDirectory('a.txt')).toBe(false);
  expect(await shared.hasDirectory('link')).toBe(false);
  expect(await shared.hasDirectory('../repo')).toBe(false);
});
