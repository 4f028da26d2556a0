import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

const FLEET_NAME = 'deprecated-node-apis';
/** For the whole fleet and for one subagent, in US dollars. */
const BUDGET_USD = 25;
const SUBAGENT_BUDGET_USD = 2;

/** Name of the verification. */
export const VERIFY = 'as before';

/** What each subagent is asked; the same for every repository. */
export const PROMPT = `This repository holds the source of one published package. Find every use of a deprecated Node.js API in its
JavaScript files (.js, .cjs, .mjs), and migrate those that can be migrated without changing what the code does.

Deprecated are: String.prototype.substr; new Buffer() and Buffer(); util.isArray and its like (isBoolean, isBuffer,
isDate, isError, isFunction, isNull, isNullOrUndefined, isNumber, isObject, isPrimitive, isRegExp, isString, isSymbol,
isUndefined), util.log, util._extend; url.parse; fs.exists, fs.F_OK, fs.R_OK, fs.W_OK, fs.X_OK; os.tmpDir;
crypto.createCipher and createDecipher; process.binding and process.assert; SlowBuffer; module.parent;
require.extensions; and the modules sys, domain, punycode and constants.

- A use is code that runs: not a comment, a string, or a function of the same name that belongs to something else.
- Migratable is a use whose replacement behaves the same for every value that can reach it; when in doubt it is not.
- Migrate with small edits. Leave formatting, comments and everything else as they are; never touch minified or
  generated files.
- Report every use with its file and the line it had before your edits, whether it is migratable, whether you migrated
  it, and in a few words why.
`;

/** JSON Schema of a subagent's answer; `Answer` is its type. */
export const OUTPUT_SCHEMA = {
  type: 'object',
  required: ['uses', 'summary'],
  additionalProperties: false,
  properties: {
    uses: {
      type: 'array',
      items: {
        type: 'object',
        required: ['file', 'line', 'api', 'migratable', 'migrated', 'note'],
        additionalProperties: false,
        properties: {
          file: { type: 'string', description: 'relative to the repository' },
          line: { type: 'integer', minimum: 1 },
          api: { type: 'string', description: 'such as String.prototype.substr' },
          migratable: { type: 'boolean' },
          migrated: { type: 'boolean' },
          note: { type: 'string' },
        },
      },
    },
    summary: { type: 'string', description: 'one or two sentences' },
  },
};

/** One entry of a report. */
export interface ReportedUse {
  file: string;
  line: number;
  api: string;
  migratable: boolean;
  migrated: boolean;
  note: string;
}

/** What fits `OUTPUT_SCHEMA`. */
export interface Answer {
  uses: ReportedUse[];
  summary: string;
}

/**
 * Writes `fleet.yaml` into `directory` over these directories below it; returns its path. `verify` is the command after
 * which a migration counts as done; undefined: no sandbox runs it here.
 */
export async function writeFleetFile(
  directory: string,
  targets: readonly string[],
  verify: string | undefined,
): Promise<string> {
  const fleet = {
    version: 1,
    name: FLEET_NAME,
    description: 'Finds deprecated Node APIs in installed packages and migrates what is safe to migrate.',
    targets,
    task: {
      label: '${{ target.name }}',
      prompt: PROMPT,
      permissions: 'edit',
      maxTurns: 60,
      maxBudgetUsd: SUBAGENT_BUDGET_USD,
      outputSchema: OUTPUT_SCHEMA,
      ...(verify !== undefined && { verify: [{ name: VERIFY, run: verify, timeout: '5m' }] }),
    },
    maxConcurrentAgents: 16,
    maxBudgetUsd: BUDGET_USD,
  };
  const path = join(directory, 'fleet.yaml');
  await mkdir(directory, { recursive: true });
  await writeFile(path, `# Written anew by each \`npm start\`.\n${stringify(fleet, { lineWidth: 120 })}`);
  return path;
}
