import { readFileSync } from 'node:fs';
import type { Layout } from './init-layout.ts';

export const INIT_TEMPLATES = [
  ...(['tasks', 'targets'] as const),
  ...(['search', 'refactor', 'cross-repo', 'generate', 'tests', 'docs', 'impact'] as const),
];
export type InitTemplate = (typeof INIT_TEMPLATES)[number];

/** Workflow scripts; the others are fleet files. */
const SCRIPTS: ReadonlySet<InitTemplate> = new Set(['search', 'generate', 'impact']);
/** They run over targets, so that some of these can be tried before the rest. */
const OVER_TARGETS: ReadonlySet<InitTemplate> = new Set(['targets', 'refactor', 'cross-repo', 'tests', 'docs']);

/** Beside the file of the template `cross-repo`. */
export const REPOSITORIES_FILE = 'repos.txt';

export const isScript = (template: InitTemplate): boolean => SCRIPTS.has(template);
export const hasPreview = (template: InitTemplate): boolean => OVER_TARGETS.has(template);

/** What a file made from a template is called where nothing else is said. */
export function initFileName(template: InitTemplate): string {
  if (template === 'tasks' || template === 'targets') return 'fleet.yaml';
  return `${template}.${SCRIPTS.has(template) ? 'js' : 'yaml'}`;
}

/** Text of a fleet file or workflow script to start from; it runs as it stands where the layout is that of its directory. */
export function initFile(template: InitTemplate, { parts, sources }: Layout): string {
  const text = readTemplate(`${template}.${SCRIPTS.has(template) ? 'js' : 'yaml'}`);
  return text
    .replace("targets: ['*/']", `targets: ${list(parts)}`)
    .replace("targets: ['**/*']", `targets: ${list(sources)}`);
}

/** Text of a list of repositories in which directories stand in for them. */
export function repositoriesFile({ examples }: Layout): string {
  return `${readTemplate(REPOSITORIES_FILE)}${examples.join('\n')}\n`;
}

function readTemplate(name: string): string {
  return readFileSync(new URL(`./init-templates/${name}`, import.meta.url), 'utf8');
}

const list = (texts: readonly string[]): string => `[${texts.map((text) => `'${text}'`).join(', ')}]`;
