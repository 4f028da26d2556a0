import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';

export const register: Register = (program) => {
  program
    .command('pause')
    .description('hold a fleet: what is in flight comes back, nothing new starts')
    .addArgument(fleetArgument())
    .addOption(plainFormat())
    .addHelpText('after', '\nExample:\n  muster pause @latest')
    .action(async (id: string, { outputFormat }: { outputFormat: 'text' | 'json' }) => {
      const { steer } = await import('../steering.ts');
      await steer(outputFormat, id, (fleet) => fleet.pause());
    });
};
