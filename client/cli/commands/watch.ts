import type { Register } from '../context.ts';
import { fleetArgument } from '../options.ts';
import { OUTPUT_FORMATS, type OutputFormat } from '../output-format.ts';
import { duration, oneOf } from '../values.ts';

interface WatchFlags {
  wait?: number;
  outputFormat: OutputFormat;
  quiet?: boolean;
}

const EXAMPLES = `
Examples:
  muster watch @latest
  muster watch k3v9x2ab --wait 10m --output-format json

Exit codes are those of muster run.`;

export const register: Register = (program) => {
  program
    .command('watch')
    .description('stay with a fleet until it has ended; brings server and worker back when they are gone')
    .addArgument(fleetArgument())
    .option('--wait <duration>', 'leave the fleet to itself after this long, with exit code 8', duration)
    .option('--output-format <format>', 'text, json or stream-json', oneOf(OUTPUT_FORMATS), 'text')
    .option('--quiet', 'no talk on stderr')
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, { wait, outputFormat, quiet }: WatchFlags) => {
      const untilMs = wait === undefined ? undefined : Date.now() + wait;
      const { watchFleet } = await import('../watch-fleet.ts');
      process.exitCode = await watchFleet(id, { format: outputFormat, untilMs, quiet });
    });
};
