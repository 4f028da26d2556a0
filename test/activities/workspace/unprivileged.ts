import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { snapshotDirectory } from '../../../activities/workspace/snapshot.ts';
import { createWorkspaces } from '../../../activities/workspace/workspaces.ts';
import { Bench } from './git-fixture.ts';

/** Run as a user who is not root: saves and closes a workspace in which a shell has closed files, and says what came of it. */
const bench = await new Bench().open();
try {
  const root = bench.files('source', { 'a.txt': 'a' });
  const { source } = await snapshotDirectory(root, { store: bench.store, cacheDirectory: bench.cacheDirectory });
  const workspaces = createWorkspaces({ directory: bench.home, store: bench.store });
  const { signal } = new AbortController();
  const workspace = await workspaces.open(source, { mayWrite: true, owner: 'w', patch: null, signal });
  const script =
    'mkdir -p shut/deep; echo x > shut/deep/file; echo b > a.txt; chmod 000 shut/deep/file shut/deep shut a.txt';
  execFileSync('bash', ['-c', script], { cwd: workspace.root });
  const changes = await workspace.changes();
  // Closed once more, and with something in it that no path reaches.
  const name = 'd'.repeat(200);
  const deeper = `cd shut; for i in $(seq 50); do mkdir ${name} && cd -P ${name} || exit 1; done; cd ${workspace.root}; chmod 000 shut`;
  execFileSync('bash', ['-c', deeper], { cwd: workspace.root });
  await workspace.close();
  process.stdout.write(JSON.stringify({ files: changes?.files.sort(), isGone: !existsSync(workspace.root) }));
} finally {
  bench.close();
}
