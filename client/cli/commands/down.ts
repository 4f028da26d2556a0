import { existsSync } from 'node:fs';
import { announceDown, endDaemons, listOpenFleets } from '../../local/down.ts';
import { withHomeLock } from '../../local/open-stack.ts';
import type { Register } from '../context.ts';
import { openSettings } from '../session.ts';

/** As many ids of open fleets are written out. */
const NAMED = 5;

export const register: Register = (program) => {
  program
    .command('down')
    .summary('end the local worker, simulated Claude and server')
    .description(
      'Ends what runs locally: the worker, which hands over what it holds, simulated Claude, the server. Fleets go on later.',
    )
    .action(async () => {
      const { config, terminal } = openSettings();
      const { home } = config;
      if (!existsSync(home)) return terminal.say(`nothing runs: there is no home ${home}`);
      const open = (await listOpenFleets(home)) ?? [];
      if (open.length > 0) {
        const names = open.slice(0, NAMED).join(', ') + (open.length > NAMED ? `, … (${open.length})` : '');
        terminal.say(`open fleets, which go on with \`muster watch ID\`: ${names}`);
      }
      announceDown(home);
      const ended = await withHomeLock(
        home,
        (line) => terminal.say(line),
        () => endDaemons(home),
      );
      for (const { kind, pid, how } of ended)
        terminal.say(how === 'ended' ? `ended ${kind} ${pid}` : `killed ${kind} ${pid}, which did not end in time`);
      if (ended.length === 0) terminal.say('nothing ran');
    });
};
