import { describeError, errorText } from '../cli/error-report.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { runDemo } from './demo.ts';
import { HELP, readOptions } from './options.ts';

/** `npm start`. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (options) return await runDemo(options);
    process.stdout.write(HELP);
    return EXIT.done;
  } catch (error) {
    if (error === 'interrupted' || error === 'terminated') {
      process.stderr.write(`${error}\n`);
      return error === 'interrupted' ? EXIT.interrupted : EXIT.terminated;
    }
    const described = describeError(error, []);
    process.stderr.write(errorText(described));
    return described.exitCode;
  }
}

process.exitCode = await main(process.argv.slice(2));
