import { readFile } from 'node:fs/promises';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { createWorkspaces } from '../../../activities/workspace/workspaces.ts';
import type { WorkspaceSource } from '../../../workflows/contract/task.schema.ts';

/**
 * A worker process that opens workspaces of one source, says what it opened on one line, and holds them until it is
 * told to end on stdin, or killed.
 */
const [store, home, sourceFile, count] = process.argv.slice(2) as [string, string, string, string];
const workspaces = createWorkspaces({ directory: home, store: await DiskStore.open(store) });
const source = JSON.parse(await readFile(sourceFile, 'utf8')) as WorkspaceSource;
const { signal } = new AbortController();
const opened = await Promise.all(
  Array.from({ length: Number(count) }, (_, i) =>
    workspaces.open(source, { mayWrite: i % 2 === 0, owner: `h${i.toString()}`, patch: null, signal }),
  ),
);
process.stdout.write(`${JSON.stringify(opened.map(({ root }) => root))}\n`);
process.stdin.once('data', () => {
  void Promise.all(opened.map((workspace) => workspace.close())).then(() => process.exit(0));
});
