import type { Register } from '../context.ts';

export const register: Register = (program) => {
  program
    .command('schema')
    .description('print the JSON Schema (draft-07) of fleet files, for editors')
    .addHelpText('after', '\nExample:\n  muster schema > fleet.schema.json')
    .action(async () => {
      const { fleetJsonSchema } = await import('../../spec/json-schema.ts');
      process.stdout.write(`${JSON.stringify(fleetJsonSchema(), null, 2)}\n`);
    });
};
