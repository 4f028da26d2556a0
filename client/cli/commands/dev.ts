import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endDaemons, listDaemons } from '../../local/down.ts';
import { createHome } from '../../local/home.ts';
import { LogFollower } from '../../local/log-follower.ts';
import { openStack, withHomeLock } from '../../local/open-stack.ts';
import { freePort } from '../../local/ports.ts';
import type { Stack } from '../../local/stack.ts';
import { CommandFailure, type Register } from '../context.ts';
import { openSettings } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { HOME } from '../../../workflows/contract/home.ts';

/** Temporal's usual one. */
const UI_PORT = 8233;
const TICK_MS = 500;

export const register: Register = (program) => {
  program
    .command('dev')
    .summary("run the server with Temporal's UI and a worker in the foreground")
    .description(
      "Runs the local server with Temporal's UI and, with a credential or --simulate, a worker, shows their logs, and ends them on Ctrl-C.",
    )
    .option('--simulate', 'a worker on a simulated Claude')
    .action(async (flags: { simulate?: boolean }) => {
      const { config, terminal } = openSettings(flags);
      const { home } = config;
      if (config.temporal)
        throw new CommandFailure(2, 'dev runs a server of its own, and TEMPORAL_ADDRESS names another', 'unset it');
      createHome(home);
      const say = (line: string): void => terminal.say(line);
      const stop = stopSignal();
      const end = async (): Promise<void> => {
        const ended = await withHomeLock(home, say, () => endDaemons(home));
        for (const { kind, pid } of ended) say(`ended ${kind} ${pid}`);
      };
      // The server in the background has no UI.
      if (listDaemons(home).some(({ isAlive }) => isAlive)) await end();
      const logs = new LogFollower(join(home, HOME.logs));
      try {
        const uiPort = await freePort(UI_PORT);
        await using stack = await openStack(config, { onProgress: say, uiPort });
        say(`Temporal's UI: http://127.0.0.1:${uiPort}   Ctrl-C ends everything`);
        if (config.claude) say(`worker on ${await stack.ensureWorker(config.claude)}`);
        await watchOver(stack, logs, terminal, stop);
      } finally {
        await end();
      }
    });
};

/** Aborted by the first Ctrl-C or SIGTERM; a second one has the system's effect. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}

async function watchOver(stack: Stack, logs: LogFollower, terminal: Terminal, stop: AbortSignal): Promise<void> {
  const stopped = once(stop, 'abort');
  while (!stop.aborted) {
    await stack.mend().catch((error: Error) => terminal.say(error.message));
    terminal.data(logs.read());
    await Promise.race([delay(TICK_MS, undefined, { ref: true }), stopped]);
  }
}
