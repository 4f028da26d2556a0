import type { Register } from '../context.ts';
import { plainFormat } from '../options.ts';
import { keyValue } from '../values.ts';
import type { PlanFlags } from './validate.ts';

export const register: Register = (program) => {
  program
    .command('targets')
    .description('list what a fleet would run on, after `eligible`; starts nothing and costs nothing')
    .argument('<file>', 'fleet.yaml, tasks.json, or - for stdin')
    .option('-p, --param <key=value>', 'value of a parameter of the file; may be repeated', keyValue)
    .addOption(plainFormat())
    .addHelpText('after', '\nExample:\n  muster targets fleet.yaml')
    .action(async (file: string, flags: PlanFlags) => {
      const { listTargets } = await import('../plan-commands.ts');
      await listTargets(file, flags);
    });
};
