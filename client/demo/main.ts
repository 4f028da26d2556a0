import { describeError, errorText } from '../cli/error-report.ts';
import { runDemo } from './demo.ts';
import { HELP, readOptions } from './options.ts';

/** `npm start`. */
async function main(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  // While the fleet runs it is the fleet command that hears them; here they end the demo between two steps.
  process.on('SIGINT', () => interrupted.abort(130));
  process.on('SIGTERM', () => interrupted.abort(143));
  try {
    const options = readOptions(args);
    if (options) return await runDemo(options, interrupted.signal);
    process.stdout.write(HELP);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted && error === interrupted.signal.reason) {
      process.stderr.write('interrupted; nothing is left running\n');
      return interrupted.signal.reason as number;
    }
    const described = describeError(error, []);
    process.stderr.write(errorText(described));
    return described.exitCode;
  }
}

process.exitCode = await main(process.argv.slice(2));
