import { writeFile } from 'node:fs/promises';
import { CommandFailure, type Register } from '../context.ts';
import { INIT_TEMPLATES, initFile, type InitTemplate } from '../../spec/init-file.ts';
import { oneOf } from '../values.ts';

export const register: Register = (program) => {
  program
    .command('init')
    .description('write a fleet file to start from; never overwrites one')
    .argument('[file]', 'where to', 'fleet.yaml')
    .option('--template <name>', INIT_TEMPLATES.join(' or '), oneOf(INIT_TEMPLATES), 'tasks')
    .addHelpText('after', '\nExamples:\n  muster init\n  muster init migration.yaml --template targets')
    .action(async (file: string, { template }: { template: InitTemplate }) => {
      await writeFile(file, initFile(template), { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') throw new CommandFailure(2, `${file} is there already`, 'name another file');
        throw new CommandFailure(2, `${file} cannot be written (${error.code})`, 'name a file in a directory of yours');
      });
      process.stderr.write(`${file} written: \`muster run ${file} --simulate\`\n`);
    });
};
