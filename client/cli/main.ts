import type { ErrorObject } from './error-report.ts';
import { createProgram } from './program.ts';

/** The command line: `bin/muster.js` runs this file, whose code is the process's. */
async function main(argv: readonly string[]): Promise<void> {
  // Whoever reads no more (`| head`) ends the command without a word.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  process.stderr.on('error', () => undefined);
  try {
    const program = await createProgram(argv);
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = await fail(error, argv);
  }
}

/** Says what is wrong on stderr; help and version end here too. */
async function fail(error: unknown, argv: readonly string[]): Promise<number> {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'commander.helpDisplayed' || code === 'commander.help' || code === 'commander.version') return 0;
  const { describeError, errorText, wantsJson } = await import('./error-report.ts');
  const described = describeError(error, argv);
  process.stderr.write(wantsJson(argv) ? `${JSON.stringify(described)}\n` : errorText(described));
  if (described.faults) process.stderr.write(await annotated(described.faults));
  return described.exitCode;
}

/** Faults of a file where a CI job shows them; elsewhere nothing. */
async function annotated(faults: NonNullable<ErrorObject['faults']>): Promise<string> {
  const [{ readCi }, { annotations }] = await Promise.all([
    import('../config.ts'),
    import('./ci/workflow-commands.ts'),
  ]);
  const { obeysLines, workspace } = readCi();
  return obeysLines ? annotations(faults, workspace) : '';
}

await main(process.argv.slice(2));
// Connections that are being closed must not keep the command; what was written is written.
await new Promise((resolve) => process.stdout.write('', resolve));
process.exit();
