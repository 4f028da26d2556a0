export const INIT_TEMPLATES = ['tasks', 'targets'] as const;
export type InitTemplate = (typeof INIT_TEMPLATES)[number];

/** Where `muster schema` is expected to have been written, beside the fleet file. */
const SCHEMA_FILE = 'fleet.schema.json';

const HEAD = `# yaml-language-server: $schema=./${SCHEMA_FILE}
# \`muster schema > ${SCHEMA_FILE}\` gives an editor completion and checks.
version: 1
`;

const TASKS = `name: first-fleet
maxConcurrentAgents: 10
maxBudgetUsd: 5
tasks:
  - label: overview
    prompt: Read this project and describe its parts in ten sentences.
    permissions: read-only
    maxTurns: 20
  - label: risks
    prompt: Name the three riskiest places described in the context, with file and line.
    permissions: read-only
    dependsOn: [overview]
`;

const TARGETS = `name: first-fleet
params:
  library: moment
targets: ['*/']
exclude: [node_modules]
eligible: test -f package.json
task:
  prompt: Find every use of \${{ params.library }} in \${{ target.name }} and report file and line.
  permissions: read-only
  timeout: 10m
  maxTurns: 20
maxConcurrentAgents: 10
maxBudgetUsd: 5
failIf: { rate: 0.3 }
`;

/** Text of a fleet file to start from; it loads as it stands (the one over targets needs a directory beside it). */
export function initFile(template: InitTemplate = 'tasks'): string {
  return HEAD + (template === 'tasks' ? TASKS : TARGETS);
}
