import type { Register } from '../context.ts';
import { fleetArgument, plainFormat } from '../options.ts';
import type { PlainFormat } from '../output-format.ts';

export interface ApplyFlags {
  branch?: string;
  force?: boolean;
  outputFormat: PlainFormat;
}

const EXAMPLES = `
Examples:
  muster apply @latest && git diff main...muster/k3v9x2ab
  muster apply @latest --branch drop-moment

Work tree, index and HEAD stay as they are. Exit 3 when a patch did not fit; those are listed with their files.`;

export const register: Register = (program) => {
  program
    .command('apply')
    .summary('assemble the patches of a fleet onto one branch')
    .description('Assembles the patches of a fleet onto one branch of the repository they were made in, a commit each.')
    .addArgument(fleetArgument())
    .option('--branch <name>', 'name of the branch (default muster/ID)')
    .option('--force', 'move a branch that holds something else')
    .addOption(plainFormat())
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, flags: ApplyFlags) => {
      const { applyFleet } = await import('../apply-fleet.ts');
      process.exitCode = await applyFleet(id, flags);
    });
};
