import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Result } from '../../workflows/contract/task.schema.ts';
import type { FleetObject } from '../cli/fleet-object.ts';
import type { Config } from '../config.ts';
import { entry } from '../local/entries.ts';

/** What `muster run --output-format json` prints. */
export type FinishedFleet = FleetObject & { results: Result[] };

export interface FleetRun {
  /** Of `muster run`. */
  code: number;
  /** undefined: the command ended before the fleet did, and has said why. */
  fleet: FinishedFleet | undefined;
}

export interface FleetRunOptions {
  config: Config;
  isSimulated: boolean;
  isFresh: boolean;
}

/**
 * Runs the fleet file with the command a user would type, whose talk and live view go to this terminal. While it runs,
 * Ctrl-C and SIGTERM are the command's.
 */
export async function runFleetFile(file: string, { config, isSimulated, isFresh }: FleetRunOptions): Promise<FleetRun> {
  const flags = ['--yes', ...(isSimulated ? ['--simulate'] : []), ...(isFresh ? ['--fresh'] : [])];
  const child = spawn(process.execPath, [entry('client/cli/main'), 'run', file, '--output-format', 'json', ...flags], {
    stdio: ['inherit', 'pipe', 'inherit'],
    env: {
      ...config.environment,
      MUSTER_HOME: config.home,
      MUSTER_SANDBOX_PATHS: config.operator.sandboxReadOnlyPaths.join(delimiter),
    },
  });
  const forward = (signal: NodeJS.Signals): void => {
    // A terminal sends Ctrl-C to the whole group: told twice, the command would cancel the fleet.
    if (signal === 'SIGTERM' || !process.stdin.isTTY) child.kill(signal);
  };
  process.on('SIGINT', forward).on('SIGTERM', forward);
  try {
    const [output, [code]] = await Promise.all([
      text(child.stdout),
      once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    ]);
    const fleet = output.trim() === '' ? undefined : (JSON.parse(output) as FinishedFleet);
    return { code: code ?? 1, fleet };
  } finally {
    process.off('SIGINT', forward).off('SIGTERM', forward);
  }
}
