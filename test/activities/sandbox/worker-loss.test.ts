import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { ControlGroups } from '../../../activities/sandbox/control-groups.ts';
import { ownTrees } from '../../../activities/sandbox/control-group-tree.ts';
import { DEFAULT_LIMITS } from '../../../activities/sandbox/limits.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const sandboxes = new URL('../../../activities/sandbox/', import.meta.url).href;

/** A worker with one busy sandbox, a confined program and daemons in both; prints a line once they run. */
const worker = (root: string, mark: string): string => `
  import { spawn } from 'node:child_process';
  import { createSandboxes } from '${sandboxes}sandboxes.ts';
  import { createLog } from '${sandboxes}../observe/log.ts';
  const sandboxes = createSandboxes({ isolation: 'bubblewrap', log: createLog('silent') });
  const signal = new AbortController().signal;
  const root = ${JSON.stringify(root)};
  const sandbox = sandboxes.create({ owner: 'x', root, directory: root, writable: [root], readOnly: [], env: {} });
  const start = 'setsid sleep 1${mark} >/dev/null 2>&1 & nohup sleep 2${mark} & sleep 3${mark}';
  await sandbox.run('(setsid sleep 4${mark} &)', { timeoutMs: 60_000, signal });
  sandbox.run(start, { timeoutMs: 600_000, signal });
  const program = { command: 'bash', args: ['-c', 'setsid sleep 5${mark} & sleep 6${mark}'], env: {}, readOnlyPaths: [], hasNetwork: false };
  const { command, args, env } = await sandboxes.confine(program);
  spawn(command, args, { env, stdio: ['pipe', 'ignore', 'inherit'] });
  console.log('ready');`;

function running(mark: string): string[] {
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      } catch {
        return '';
      }
    });
  return commands.filter((command) => new RegExp(`^sleep \\d${mark}$`).test(command)).sort();
}

test('everything a worker runs dies with it, though it is killed without warning', async () => {
  await using directory = await temporaryDirectory();
  const mark = `${process.pid.toString().padStart(7, '0')}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', worker(directory.path, mark)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(createInterface(child.stdout), 'line');
  await expect.poll(() => running(mark).length, { timeout: 10_000 }).toBe(6);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await expect.poll(() => running(mark), { timeout: 2_000 }).toEqual([]);

  const left = (): string[] =>
    ownTrees().flatMap((tree) =>
      readdirSync(tree.directory).filter((name) => name.startsWith(`muster-${child.pid!.toString()}-`)),
    );
  // The next worker of this host takes away the groups that are empty, which the kernel says a moment after the processes.
  const afterNext = async (): Promise<string[]> => (await ControlGroups.open(DEFAULT_LIMITS), left());
  await expect.poll(afterNext, { timeout: 5_000 }).toEqual([]);
});
