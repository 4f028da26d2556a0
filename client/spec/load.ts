import { basename, dirname, extname, resolve } from 'node:path';
import { FaultList } from './fault-list.ts';
import { FleetReader } from './fleet-reader.ts';
import { parseJson } from './json-document.ts';
import type { PlanSettings } from './plan-settings.ts';
import { InvalidFleet, type FleetPlan } from './plan.ts';
import type { SourceDocument } from './source-document.ts';
import { hashOfText, readText } from './source-text.ts';
import { listDocument } from './task-list.ts';
import { parseYaml } from './yaml-document.ts';

export interface FileSource extends PlanSettings {
  /** Path of fleet.yaml or a JSON task file, absolute or relative to `cwd`; '-' is `stdin`. */
  source: string;
  /** What was read from stdin. */
  stdin?: string;
  /** -p KEY=VALUE */
  params: Readonly<Record<string, string>>;
}

/**
 * Reads a fleet: every key, path and reference checked, every default applied. Starts, writes and spends nothing, and
 * runs no command (`runEligible` does). Throws `InvalidFleet` with all faults of the file at once.
 */
export async function loadFleet(input: FileSource): Promise<FleetPlan> {
  const { source, cwd, params } = input;
  const isStdin = source === '-';
  const file = isStdin ? 'stdin' : source;
  const absolute = isStdin ? '-' : resolve(cwd, source);
  const text = isStdin
    ? (input.stdin ?? '')
    : await readText(absolute, file, 'a fleet.yaml, a JSON task file or a workflow script');
  const isJson = isStdin ? /^\s*[[{]/.test(text) : extname(source) === '.json';
  const document = isJson ? parseJson(text) : parseYaml(text);
  const base = isStdin ? cwd : dirname(absolute);
  const name = isStdin ? 'stdin' : basename(source).replace(/\.[^.]+$/, '');
  const plan = await read({ file, document, isJson, base, params, settings: input }, absolute, name);
  return { ...plan, textHash: hashOfText(text, params) };
}

/** As `loadFleet`, of tasks that a program holds: what is wrong is said of `tasks[3].prompt`. */
export async function loadTasks(
  { tasks, name = 'tasks' }: { tasks: readonly unknown[]; name?: string },
  settings: PlanSettings,
): Promise<FleetPlan> {
  const document = listDocument(tasks);
  const readable = { file: 'tasks', document, isJson: true, base: settings.cwd, params: {}, settings };
  const plan = await read(readable, '-', name);
  return { ...plan, textHash: hashOfText(JSON.stringify(document.value), {}) };
}

interface Readable {
  file: string;
  document: SourceDocument;
  isJson: boolean;
  base: string;
  params: Readonly<Record<string, string>>;
  settings: PlanSettings;
}

async function read({ file, document, isJson, ...rest }: Readable, source: string, name: string): Promise<FleetPlan> {
  const textFaults = document.faults.map((fault) => ({ file, ...fault }));
  if (document.value === undefined && textFaults.length > 0) throw new InvalidFleet(textFaults);
  const faults = new FaultList(file, document);
  const reader = new FleetReader({ document, faults, spelling: isJson ? 'snake' : 'camel', ...rest });
  const plan = await reader.read(source, name);
  const all = [...textFaults, ...faults.faults];
  if (all.length > 0) throw new InvalidFleet(all.sort((a, b) => a.line - b.line || a.column - b.column));
  return plan;
}
