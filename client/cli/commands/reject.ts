import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';
import type { PlainFormat } from '../output-format.ts';

const EXAMPLES = `
Examples:
  muster reject @latest                 what is asked is said first
  muster reject @latest --hash HASH     only if that is still what is asked (muster status --output-format json)`;

export const register: Register = (program) => {
  program
    .command('reject')
    .description('say no: the rest of a plan is not attempted, a script hears of it')
    .addArgument(fleetArgument())
    .option('--hash <hash>', 'of what was looked at; another one is refused (default: the oldest that is asked)')
    .addOption(plainFormat())
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, flags: { hash?: string; outputFormat: PlainFormat }) => {
      const { decideFleet } = await import('../approvals.ts');
      await decideFleet(id, 'reject', flags);
    });
};
