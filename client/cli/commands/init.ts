import { writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { CommandFailure, type Register } from '../context.ts';
import {
  hasPreview,
  INIT_TEMPLATES,
  initFile,
  initFileName,
  isScript,
  REPOSITORIES_FILE,
  repositoriesFile,
  type InitTemplate,
} from '../../spec/init-file.ts';
import { layoutOf } from '../../spec/init-layout.ts';
import { oneOf } from '../values.ts';

const EXAMPLES = `
Templates:
  tasks, targets          the shortest: a list of tasks, and one task over targets
  search, impact          scripts that fan out, collect and decide
  generate                a script: drafts, a panel of judges, a writer
  refactor, tests, docs   one task over the parts of a repository, in waves
  cross-repo              one task over the repositories of ${REPOSITORIES_FILE}, in waves

Examples:
  muster init
  muster init --template search
  muster init migration.yaml --template cross-repo`;

export const register: Register = (program) => {
  program
    .command('init')
    .description('write a fleet file or workflow script to start from; never overwrites one')
    .argument('[file]', 'where to (default: what the template is called, or fleet.yaml)')
    .option('--template <name>', INIT_TEMPLATES.join(', '), oneOf(INIT_TEMPLATES), 'tasks')
    .addHelpText('after', EXAMPLES)
    .action(async (given: string | undefined, { template }: { template: InitTemplate }) => {
      const file = given ?? initFileName(template);
      checkExtension(file, template);
      const layout = await layoutOf(dirname(file));
      if (!(await write(file, initFile(template, layout))))
        throw new CommandFailure(2, `${file} is there already`, 'name another file');
      const written = [file];
      const repositories = join(dirname(file), REPOSITORIES_FILE);
      if (template === 'cross-repo' && (await write(repositories, repositoriesFile(layout))))
        written.push(repositories);
      process.stderr.write(`${written.join(' and ')} written. Next:\n${nextCommands(file, template)}`);
    });
};

function checkExtension(file: string, template: InitTemplate): void {
  const [extensions, what] = isScript(template) ? [['.js'], 'a workflow script'] : [['.yaml', '.yml'], 'a fleet file'];
  if (extensions.includes(extname(file))) return;
  throw new CommandFailure(2, `${template} is ${what}`, `name a file that ends in ${extensions[0]}`);
}

/** False: there is such a file. */
async function write(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw new CommandFailure(2, `${file} cannot be written (${code})`, 'name a file in a directory of yours');
  }
}

function nextCommands(file: string, template: InitTemplate): string {
  return [
    `muster validate ${file}`,
    ...(hasPreview(template) ? [`muster targets ${file}`, `muster preview ${file} --simulate`] : []),
    `muster run ${file} --simulate`,
  ]
    .map((command) => `  ${command}\n`)
    .join('');
}
