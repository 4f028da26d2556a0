import type { Register } from '../context.ts';
import { plainFormat } from '../options.ts';
import type { PlainFormat } from '../output-format.ts';
import { age } from '../values.ts';

interface GcFlags {
  olderThan: number;
  outputFormat: PlainFormat;
}

const EXAMPLES = `
Examples:
  muster gc --older-than 30d
  muster gc --older-than 12h

Fleets that have not ended are never touched. Results of removed fleets are not taken over by later ones.`;

export const register: Register = (program) => {
  program
    .command('gc')
    .description('remove what ended fleets left: results, transcripts, patches, workspaces nobody needs')
    .requiredOption('--older-than <duration>', 'fleets that ended longer ago than this, such as 30d', age)
    .addOption(plainFormat())
    .addHelpText('after', EXAMPLES)
    .action(async ({ olderThan, outputFormat }: GcFlags) => {
      const { collectGarbage } = await import('../collect-garbage.ts');
      await collectGarbage(olderThan, outputFormat);
    });
};
