import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';
import type { PlainFormat } from '../output-format.ts';

const EXAMPLES = `
Examples:
  muster approve @latest                 what is asked is said first
  muster approve @latest --hash HASH     only if that is still what is asked (muster status --output-format json)`;

export const register: Register = (program) => {
  program
    .command('approve')
    .description('let a fleet go on that waits for a person: a gate before a wave, or what a script asks')
    .addArgument(fleetArgument())
    .option('--hash <hash>', 'of what was looked at; another one is refused (default: the oldest that is asked)')
    .addOption(plainFormat())
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, flags: { hash?: string; outputFormat: PlainFormat }) => {
      const { decideFleet } = await import('../approvals.ts');
      await decideFleet(id, 'approve', flags);
    });
};
