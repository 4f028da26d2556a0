import type { Register } from '../context.ts';
import { plainFormat } from '../options.ts';
import type { PlainFormat } from '../output-format.ts';
import { keyValue } from '../values.ts';

export interface PlanFlags {
  param?: Record<string, string>;
  outputFormat: PlainFormat;
}

export const register: Register = (program) => {
  program
    .command('validate')
    .description('check a fleet file, a task list or a workflow script; starts nothing')
    .argument('<file>', 'fleet.yaml, tasks.json, script.js, the name of a saved script, or - for stdin')
    .option('-p, --param <key=value>', 'value of a parameter of the file; may be repeated', keyValue)
    .addOption(plainFormat())
    .addHelpText(
      'after',
      '\nExamples:\n  muster validate fleet.yaml\n  muster validate fleet.yaml -p library=moment\n  muster validate review.js',
    )
    .action(async (file: string, flags: PlanFlags) => {
      const { validate } = await import('../plan-commands.ts');
      await validate(file, flags);
    });
};
