import type { Register } from '../context.ts';
import { fleetArgument } from '../options.ts';
import { OUTPUT_FORMATS, type OutputFormat } from '../output-format.ts';
import { duration, oneOf } from '../values.ts';

interface WatchFlags {
  wait?: number;
  outputFormat: OutputFormat;
  cursor?: string;
  quiet?: boolean;
  input?: boolean;
}

const EXAMPLES = `
Examples:
  muster watch @latest
  muster watch k3v9x2ab --wait 10m --output-format json
  muster watch @latest --output-format stream-json --cursor "$CURSOR"   goes on behind the line that said it

Exit codes are those of muster run.`;

export const register: Register = (program) => {
  program
    .command('watch')
    .description('stay with a fleet until it has ended; brings server and worker back when they are gone')
    .addArgument(fleetArgument())
    .option('--wait <duration>', 'leave the fleet to itself after this long, with exit code 8', duration)
    .option('--output-format <format>', 'text, json or stream-json', oneOf(OUTPUT_FORMATS), 'text')
    .option('--cursor <cursor>', 'of a line of an earlier stream-json: what came up to it is not told again')
    .option('--quiet', 'no talk on stderr')
    .option('--no-input', 'never ask')
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, { wait, outputFormat, cursor, quiet, input }: WatchFlags) => {
      const untilMs = wait === undefined ? undefined : Date.now() + wait;
      const { watchFleet } = await import('../watch-fleet.ts');
      process.exitCode = await watchFleet(id, { format: outputFormat, untilMs, cursor, quiet, input });
    });
};
