import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DaemonsBefore } from '../../../client/demo/daemons.ts';
import { writeState } from '../../../client/local/daemon.ts';
import { identify } from '../../../client/local/process-identity.ts';
import { HOME } from '../../../workflows/contract/home.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** A process that a file of the home names as one of its daemons. */
async function daemon(home: string, file: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const identity = identify(child.pid!) ?? { pid: child.pid!, startTicks: null };
  writeState(home, file, { ...identity, version: '0', address: null, isReady: true, port: null });
  return child;
}

describe('DaemonsBefore', () => {
  it('ends what came since, and nothing that ran before', async () => {
    await using root = await temporaryDirectory();
    await mkdir(join(root.path, HOME.run));
    const old = await daemon(root.path, HOME.serverFile);
    try {
      const before = new DaemonsBefore(root.path);
      expect(before.hasNew).toBe(false);
      expect(await before.endNew(() => undefined, undefined)).toBe(0);
      const added = await daemon(root.path, HOME.workerFile('abc'));
      const gone = once(added, 'exit');
      expect(before.hasNew).toBe(true);
      expect(await before.endNew(() => undefined, undefined)).toBe(1);
      await gone;
      expect(old.exitCode ?? old.signalCode).toBeNull();
      expect(before.hasNew).toBe(false);
    } finally {
      old.kill('SIGKILL');
      await once(old, 'exit');
    }
  });
});
