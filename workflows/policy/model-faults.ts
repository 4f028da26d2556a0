import { DEFAULT_MODEL } from '../contract/limits.ts';
import type { Task } from '../contract/task.schema.ts';

/** What is known of models. */
export interface ModelLore {
  /** True for a known model, else the nearest known one, or false when none is near. */
  known: (model: string) => boolean | string;
  /** What a model can do; undefined: nobody has said. */
  abilities: (model: string) => { effort: readonly string[]; thinking: readonly string[] } | undefined;
}

export interface AskedModels {
  model: string;
  effort?: Task['effort'] | undefined;
  thinking?: Task['thinking'] | undefined;
  fallbackModel?: string | undefined;
  retry?: { maxAttempts?: number | undefined; escalate?: string | readonly string[] | undefined } | undefined;
}

/** `path`: below the task, in camelCase. */
export interface ModelFault {
  path: readonly (string | number)[];
  message: string;
  hint: string;
}

const MAX_ATTEMPTS = 10;
/** How agent definitions name families; each means its newest known model. */
const FAMILIES = ['fable', 'mythos', 'opus', 'sonnet', 'haiku'];

/** The model an agent definition means: an id, a family's newest, or undefined for `inherit` and none. */
export function modelOfAgent(named: string | undefined, known: readonly string[]): string | undefined {
  if (named === undefined || named === 'inherit') return undefined;
  return FAMILIES.includes(named) ? known.find((id) => id.startsWith(`claude-${named}-`)) : named;
}

/** Whether it is known; else what to write instead. */
export function modelProblem(model: string, lore: ModelLore): { message: string; hint: string } | undefined {
  const verdict = lore.known(model);
  if (verdict === true) return undefined;
  const hint = typeof verdict === 'string' ? `write ${verdict}` : `write one such as ${DEFAULT_MODEL}`;
  return { message: `the model ${JSON.stringify(model)} is not known`, hint };
}

/** What is wrong with a choice of models, `model` itself left out: it may come from elsewhere (`modelProblem`). */
export function modelFaults(asked: AskedModels, lore: ModelLore): ModelFault[] {
  return [
    ...(['effort', 'thinking'] as const).flatMap((key) => abilityFault(asked, key, lore)),
    ...fallbackFault(asked, lore),
    ...retryFaults(asked.retry, lore),
  ];
}

/** `retry` with what it leaves unsaid. */
export function readRetry({ maxAttempts, escalate }: NonNullable<AskedModels['retry']>): NonNullable<Task['retry']> {
  const models = escalate === undefined ? [] : [escalate].flat();
  return { maxAttempts: maxAttempts ?? 1 + models.length, escalate: models };
}

function abilityFault(asked: AskedModels, key: 'effort' | 'thinking', lore: ModelLore): ModelFault[] {
  const value = asked[key];
  const has = lore.abilities(asked.model)?.[key];
  if (value === undefined || has === undefined || has.includes(value)) return [];
  const hint = has.length === 0 ? 'remove it' : `write ${has.join(', ')}, or remove it`;
  return [{ path: [key], message: `${asked.model} has no ${key} ${value}`, hint }];
}

function fallbackFault({ model, fallbackModel }: AskedModels, lore: ModelLore): ModelFault[] {
  if (fallbackModel === undefined) return [];
  const path = ['fallbackModel'];
  const problem = modelProblem(fallbackModel, lore);
  if (problem) return [{ path, ...problem }];
  if (fallbackModel !== model) return [];
  const message = `\`fallbackModel\` is the model itself, ${model}`;
  return [{ path, message, hint: 'write another model, or remove it' }];
}

function retryFaults(asked: AskedModels['retry'], lore: ModelLore): ModelFault[] {
  if (asked === undefined) return [];
  const { maxAttempts, escalate } = readRetry(asked);
  const faults = escalate.flatMap((model, i): ModelFault[] => {
    const problem = modelProblem(model, lore);
    const path = Array.isArray(asked.escalate) ? ['retry', 'escalate', i] : ['retry', 'escalate'];
    return problem ? [{ path, ...problem }] : [];
  });
  const least = 1 + escalate.length;
  const add = (path: string[], message: string, hint: string): void => void faults.push({ path, message, hint });
  if (asked.maxAttempts === undefined && escalate.length === 0)
    add(['retry'], '`retry` says nothing', 'write {maxAttempts: 2} or {escalate: [a model]}');
  if (maxAttempts < least) {
    const message = `${maxAttempts.toString()} attempts never come to the last of ${escalate.length.toString()} models to escalate to`;
    add(['retry', 'maxAttempts'], message, `write ${least.toString()} or more, or remove it`);
  }
  if (maxAttempts > MAX_ATTEMPTS)
    add(['retry'], `\`retry\` asks for ${maxAttempts.toString()} attempts`, `write at most ${MAX_ATTEMPTS.toString()}`);
  return faults;
}
