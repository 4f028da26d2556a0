import type { Register } from './context.ts';
import { fleetArgument, plainFormat } from './options.ts';
import type { PlainFormat } from './output-format.ts';

/** `muster approve` and `muster reject`: one command of two words. */
export function decisionCommand(decision: 'approve' | 'reject', description: string): Register {
  const examples = `
Examples:
  muster ${decision} @latest                 what is asked is said first
  muster ${decision} @latest --hash HASH     only if that is still what is asked (muster status --output-format json)`;
  return (program) => {
    program
      .command(decision)
      .description(description)
      .addArgument(fleetArgument())
      .option('--hash <hash>', 'of what was looked at; another one is refused (default: the oldest that is asked)')
      .addOption(plainFormat())
      .addHelpText('after', examples)
      .action(async (id: string, flags: { hash?: string; outputFormat: PlainFormat }) => {
        const { decideFleet } = await import('./approvals.ts');
        await decideFleet(id, decision, flags);
      });
  };
}
