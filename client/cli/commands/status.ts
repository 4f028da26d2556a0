import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';
import type { PlainFormat } from '../output-format.ts';

export const register: Register = (program) => {
  program
    .command('status')
    .description('how a fleet stands now')
    .addArgument(fleetArgument())
    .addOption(plainFormat())
    .addHelpText(
      'after',
      '\nExamples:\n  muster status @latest\n  muster status @latest --output-format json | jq .census',
    )
    .action(async (id: string, { outputFormat }: { outputFormat: PlainFormat }) => {
      const { showStatus } = await import('../standing-commands.ts');
      await showStatus(id, outputFormat);
    });
};
