import { afterEach, beforeEach, expect } from 'vitest';
import type { CheckoutKind } from '../../../activities/workspace/checkouts.ts';
import { mountsBelow } from '../../../activities/workspace/mounts.ts';
import { snapshotDirectory } from '../../../activities/workspace/snapshot.ts';
import type { OpenOptions, Workspace } from '../../../activities/workspace/workspace.ts';
import { createWorkspaces } from '../../../activities/workspace/workspaces.ts';
import type { WorkspaceSource } from '../../../workflows/contract/task.schema.ts';
import { Bench } from './git-fixture.ts';

/** A bench of each test's own; what it opened is closed afterwards, and no mount may be left. */

export let bench: Bench;
let opened: Workspace[];
beforeEach(async () => {
  bench = await new Bench().open();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((workspace) => workspace.close()));
  expect(await mountsBelow(bench.directory)).toEqual([]);
  bench.close();
});

export const FILES = {
  'a.txt': 'one\ntwo\nthree\n',
  'b.txt': 'b\n',
  'src/run.sh*': '#!/bin/sh\n',
  'src/deep/er.ts': 'x\n',
  link: '-> a.txt',
  '.gitignore': '*.log\n',
};

export async function snapshot(directory: string): Promise<WorkspaceSource> {
  return (await snapshotDirectory(directory, { store: bench.store, cacheDirectory: bench.cacheDirectory })).source;
}

export async function patchText(patch: string): Promise<string> {
  return Buffer.from(await bench.store.get(patch)).toString();
}

/** Workspaces that remember what they opened; each call of `open` is another owner. */
export function workspacesOf(kind?: CheckoutKind, cacheBytes?: number) {
  const of = { directory: bench.home, store: bench.store, cacheBytes };
  const workspaces = createWorkspaces({ ...of, ...(kind && { checkout: kind }) });
  let count = 0;
  return {
    sweep: () => workspaces.sweep(),
    open: async (source: WorkspaceSource, options: Partial<OpenOptions> = {}) => {
      const owner = `w${(count++).toString()}`;
      const { signal } = new AbortController();
      const workspace = await workspaces.open(source, { mayWrite: true, patch: null, owner, signal, ...options });
      opened.push(workspace);
      return workspace;
    },
  };
}
