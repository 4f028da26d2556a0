import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';

export const register: Register = (program) => {
  program
    .command('resume')
    .description('go on with a paused fleet')
    .addArgument(fleetArgument())
    .addOption(plainFormat())
    .addHelpText('after', '\nExample:\n  muster resume @latest')
    .action(async (id: string, { outputFormat }: { outputFormat: 'text' | 'json' }) => {
      const { steer } = await import('../steering.ts');
      await steer(outputFormat, id, (fleet) => fleet.resume());
    });
};
