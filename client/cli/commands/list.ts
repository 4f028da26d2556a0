import type { Register } from '../context.ts';
import { plainFormat } from '../options.ts';
import type { PlainFormat } from '../output-format.ts';

export const register: Register = (program) => {
  program
    .command('list')
    .description('list fleets, newest first')
    .addOption(plainFormat())
    .addHelpText('after', '\nExample:\n  muster list --output-format json | jq ".[0].id"')
    .action(async ({ outputFormat }: { outputFormat: PlainFormat }) => {
      const { listFleets } = await import('../standing-commands.ts');
      await listFleets(outputFormat);
    });
};
