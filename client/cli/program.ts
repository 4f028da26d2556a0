import { Command } from 'commander';
import { VERSION } from '../local/entries.ts';
import { COMMANDS } from './command-table.ts';

const START = `
A first fleet:
  muster init && muster run fleet.yaml --simulate
  muster results @latest

muster COMMAND --help shows flags and examples of a command.`;

/**
 * The command line with the command that `argv` names, or with all of them when it names none (for help and for
 * suggestions). Nothing is printed but help: what is wrong comes back as `CommanderError`.
 */
export async function createProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command('muster')
    .description('Fleets of Claude subagents, ten or fifty thousand, as one durable Temporal workflow.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help of a command')
    .configureHelp({ showGlobalOptions: false })
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .addHelpText('after', START);
  const named = COMMANDS.get(argv[0] ?? '');
  const loaders = named ? [named] : [...COMMANDS.values()];
  for (const { register } of await Promise.all(loaders.map((load) => load()))) register(program);
  return program;
}
