import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';

export const register: Register = (program) => {
  program
    .command('cancel')
    .description('end a fleet for good; results so far are kept')
    .addArgument(fleetArgument())
    .addOption(plainFormat())
    .addHelpText('after', '\nExample:\n  muster cancel k3v9x2ab')
    .action(async (id: string, { outputFormat }: { outputFormat: 'text' | 'json' }) => {
      const { steer } = await import('../steering.ts');
      await steer(outputFormat, id, (fleet) => fleet.cancel());
    });
};
