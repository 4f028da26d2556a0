import type { Config } from '../../config.ts';
import { setDatabaseAside } from '../../local/database.ts';
import { endDaemons } from '../../local/down.ts';
import { createHome } from '../../local/home.ts';
import { openStack, withHomeLock } from '../../local/open-stack.ts';
import { readServer } from '../../local/server.ts';
import { CommandFailure, type Register } from '../context.ts';
import { openSettings } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface UpFlags {
  simulate?: boolean;
  freshDatabase?: boolean;
}

export const register: Register = (program) => {
  program
    .command('up')
    .summary('bring up the local server and a worker, until `muster down`')
    .description(
      'Brings up the local Temporal server and, with a credential or --simulate, a worker. They stay until `muster down`.',
    )
    .option('--simulate', 'a worker on a simulated Claude')
    .option('--fresh-database', "set Temporal's database aside first: fleets under way are lost, results stay")
    .action(async (flags: UpFlags) => {
      const { config, terminal } = openSettings(flags);
      if (flags.freshDatabase) await startAfresh(config, terminal);
      await using stack = await openStack(config, { onProgress: (line) => terminal.say(line), isKept: true });
      terminal.data(`temporal ${config.temporal?.address ?? readServer(config.home)?.address}\n`);
      if (config.claude) terminal.data(`worker ${await stack.ensureWorker(config.claude)}\n`);
      else terminal.say('no worker: there is no Claude credential; --simulate needs none');
    });
};

async function startAfresh(config: Config, terminal: Terminal): Promise<void> {
  if (config.temporal)
    throw new CommandFailure(2, '--fresh-database: TEMPORAL_ADDRESS names a server of others', 'unset it');
  createHome(config.home);
  await withHomeLock(
    config.home,
    (line) => terminal.say(line),
    async () => {
      await endDaemons(config.home);
      const aside = setDatabaseAside(config.home);
      terminal.say(aside ? `the database is set aside as ${aside}` : 'there is no database yet');
    },
  );
}
