import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openStore } from '../../../activities/artifacts/open-store.ts';
import { snapshotDirectory } from '../../../activities/workspace/snapshot.ts';
import type { Workspace } from '../../../activities/workspace/workspace.ts';
import { createWorkspaces } from '../../../activities/workspace/workspaces.ts';
import { FakeS3 } from '../../support/fake-s3.ts';
import { bench, FILES, snapshot, workspacesOf } from './workspace-fixture.ts';

/** A host that has nothing of the one that submitted but a store on S3. */

let fake: FakeS3;
beforeEach(async () => {
  fake = await FakeS3.start();
  for (const [name, value] of Object.entries(fake.environment)) vi.stubEnv(name, value);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await fake.stop();
});

const { signal } = new AbortController();
const options = { mayWrite: true, patch: null, owner: 'w', signal };

const MORE = {
  ...FILES,
  'bin/tool*': '#!/bin/sh\necho tool\n',
  'broken-link': '-> nowhere',
  'src/up': '-> ../a.txt',
  'unicode-é.txt': 'é\n',
  'binary.dat': String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i)),
};

it.each(['a repository', 'a plain directory'])('has the files of %s as the submitting host has them', async (what) => {
  const directory = what === 'a repository' ? bench.repository('source', MORE) : bench.files('source', MORE);
  mkdirSync(join(directory, 'empty/directory'), { recursive: true });
  writeFileSync(join(directory, 'untracked.txt'), 'as it stands\n');
  const here = await workspacesOf().open(await snapshot(directory));

  const submitting = await openStore(fake.url);
  const cacheDirectory = bench.path('cache-of-the-submitting-host');
  const { source } = await snapshotDirectory(directory, { store: submitting, cacheDirectory });
  const store = await openStore(fake.url);
  const workspaces = createWorkspaces({ directory: bench.path('another-host'), store });
  const there = await workspaces.open(source, options);
  let patch: string | null;
  try {
    expect(described(there)).toEqual(described(here));
    expect(described(there)).toMatchObject({ 'bin/tool': 'file 755', 'untracked.txt': 'file 644', link: '-> a.txt' });
    writeFileSync(join(there.root, 'a.txt'), 'ONE\n');
    patch = await there.save();
  } finally {
    await there.close();
  }

  // And a third host goes on from what this one left.
  const third = await createWorkspaces({ directory: bench.path('third-host'), store: submitting }).open(source, {
    ...options,
    patch,
  });
  try {
    expect(readFileSync(join(third.root, 'a.txt'), 'utf8')).toBe('ONE\n');
  } finally {
    await third.close();
  }
});

/** Path → kind, mode and target of everything there. */
function described({ root }: Workspace): Record<string, string> {
  return Object.fromEntries(
    readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => {
      const stats = lstatSync(join(root, path));
      if (stats.isSymbolicLink()) return [path, `-> ${readlinkSync(join(root, path))}`];
      const kind = stats.isDirectory() ? 'directory' : 'file';
      return [path, `${kind} ${(stats.mode & 0o777).toString(8)}`];
    }),
  );
}
