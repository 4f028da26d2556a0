import { Command } from 'commander';
import { VERSION } from '../local/entries.ts';
import { COMMANDS, SUMMARIES } from './command-table.ts';

const START = `
A first fleet:
  muster init && muster run fleet.yaml --simulate
  muster results @latest

muster COMMAND --help shows flags and examples of a command.`;

/**
 * The command line with the command that `argv` names, or with all of them when it names none (for help and for
 * suggestions); then some only by name unless `isWhole`. Nothing is printed but help: what is wrong comes back as
 * `CommanderError`.
 */
export async function createProgram(argv: readonly string[], { isWhole = false } = {}): Promise<Command> {
  const program = new Command('muster')
    .description('Fleets of Claude subagents, ten or fifty thousand, as one durable Temporal workflow.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help of a command')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .addHelpText('after', START);
  const wanted = argv[0] === 'help' ? argv[1] : argv[0];
  const named = COMMANDS.has(wanted ?? '') ? [wanted!] : [...COMMANDS.keys()];
  const isListing = named.length > 1 && !isWhole;
  const loaded = await Promise.all(
    named.map((name) => (isListing && SUMMARIES.has(name) ? undefined : COMMANDS.get(name)!())),
  );
  for (const [i, name] of named.entries()) {
    const command = loaded[i];
    if (command) command.register(program);
    else program.command(`${name} [options]`).summary(SUMMARIES.get(name)!);
  }
  return program;
}
