import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';
import type { PlainFormat } from '../output-format.ts';

export const register: Register = (program) => {
  program
    .command('show')
    .description('print one subagent: its result and what was said and done')
    .addArgument(fleetArgument())
    .argument('<label>', 'label of the subagent')
    .addOption(plainFormat())
    .addHelpText(
      'after',
      '\nExamples:\n  muster show @latest lib-a\n  muster show @latest lib-a --output-format json | jq .messages',
    )
    .action(async (id: string, label: string, { outputFormat }: { outputFormat: PlainFormat }) => {
      const { showSubagent } = await import('../show-subagent.ts');
      await showSubagent(id, label, outputFormat);
    });
};
