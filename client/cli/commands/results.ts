import type { Register } from '../context.ts';
import { fleetArgument } from '../options.ts';
import { oneOf } from '../values.ts';
import { RESULT_FORMATS, type ResultFormat } from '../formats/formats.ts';

const EXAMPLES = `
Examples:
  muster results @latest
  muster results @latest --format json | jq '.results[] | select(.status != "completed") | .label'
  muster results @latest --format junit > report.xml
  muster results @latest --format markdown > report.md`;

export const register: Register = (program) => {
  program
    .command('results')
    .description('print how each subagent ended, in task order')
    .addArgument(fleetArgument())
    .option(
      '--format <format>',
      `${RESULT_FORMATS.join(', ')} (default: markdown on a terminal, else json)`,
      oneOf(RESULT_FORMATS),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, { format }: { format?: ResultFormat }) => {
      const { printResults } = await import('../result-commands.ts');
      await printResults(id, format ?? (process.stdout.isTTY ? 'markdown' : 'json'));
    });
};
