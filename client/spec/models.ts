import { findModel, knownModels, modelFacts } from '../../activities/claude/prices.ts';
import { DEFAULT_MODEL } from '../../workflows/contract/limits.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import type { FaultList } from './fault-list.ts';
import type { TaskShape } from './task-shape.ts';
import type { Path } from './source-document.ts';

export interface ModelSources {
  /** `--model`: wins over every file. */
  flag: string | undefined;
  /** Of the configuration. */
  standard: string | undefined;
  /** True for a known model, else the nearest known one, or false when none is near. */
  known: (model: string) => boolean | string;
}

export type ModelChoice = Pick<Task, 'model' | 'effort' | 'thinking' | 'fallbackModel' | 'retry'>;
type Asked = Pick<TaskShape, 'model' | 'effort' | 'thinking' | 'fallbackModel' | 'retry'>;

const MAX_ATTEMPTS = 10;
/** How agent definitions name families; each means its newest known model. */
const FAMILIES = ['fable', 'mythos', 'opus', 'sonnet', 'haiku'];

/** Chooses the models of tasks and checks that each can do what is asked of it. */
export class Models {
  readonly warnings = new Set<string>();
  readonly #sources: ModelSources;
  readonly #faults: FaultList;
  readonly #verdicts = new Map<string, boolean | string>();
  #hasBlamedFlag = false;

  constructor(sources: ModelSources, faults: FaultList) {
    this.#sources = sources;
    this.#faults = faults;
  }

  /** `at` says where a key of the task stands in the file. `agentModel` counts where the task names none. */
  choose(asked: Asked, agentModel: string | undefined, at: (key: keyof Asked) => Path): ModelChoice {
    const { effort, thinking } = asked;
    const model = this.#model(asked.model ?? agentModel, at);
    for (const key of ['effort', 'thinking'] as const) this.#checkAbility(model, key, asked[key], at(key));
    const fallbackModel = this.#fallback(model, asked, at('fallbackModel'));
    const retry = asked.retry && this.#retry(asked.retry, at('retry'));
    for (const other of new Set([...(fallbackModel === undefined ? [] : [fallbackModel]), ...(retry?.escalate ?? [])]))
      this.#warnOfLoss(other, asked);
    return {
      model,
      ...(effort && { effort }),
      ...(thinking && { thinking }),
      ...(fallbackModel !== undefined && { fallbackModel }),
      ...(retry && { retry }),
    };
  }

  /** The model an agent definition means: an id, a family's newest, or undefined for `inherit` and none. */
  meantByAgent(named: string | undefined): string | undefined {
    if (named === undefined || named === 'inherit') return undefined;
    return FAMILIES.includes(named) ? knownModels().find((id) => id.startsWith(`claude-${named}-`)) : named;
  }

  /** Whether it is known; else what to write instead. */
  problem(model: string): { message: string; hint: string } | undefined {
    let verdict = this.#verdicts.get(model);
    if (verdict === undefined) this.#verdicts.set(model, (verdict = this.#sources.known(model)));
    if (verdict === true) return undefined;
    const hint = typeof verdict === 'string' ? `write ${verdict}` : `write one such as ${DEFAULT_MODEL}`;
    return { message: `the model ${JSON.stringify(model)} is not known`, hint };
  }

  #model(named: string | undefined, at: (key: 'model') => Path): string {
    const { flag, standard } = this.#sources;
    const model = flag ?? named ?? standard ?? DEFAULT_MODEL;
    const problem = this.problem(model);
    if (problem && flag === undefined) this.#faults.add(at('model'), problem.message, problem.hint);
    else if (problem && !this.#hasBlamedFlag) {
      this.#hasBlamedFlag = true;
      this.#faults.addElsewhere('--model', problem.message, problem.hint);
    }
    return model;
  }

  #fallback(model: string, { fallbackModel }: Asked, path: Path): string | undefined {
    if (fallbackModel === undefined) return undefined;
    const problem = this.problem(fallbackModel);
    if (problem) this.#faults.add(path, problem.message, problem.hint);
    else if (fallbackModel === model)
      this.#faults.add(path, `\`fallbackModel\` is the model itself, ${model}`, 'write another model, or remove it');
    return fallbackModel;
  }

  #retry(asked: NonNullable<Asked['retry']>, path: Path): Task['retry'] {
    const escalate = asked.escalate === undefined ? [] : [asked.escalate].flat();
    escalate.forEach((model, i) => {
      const problem = this.problem(model);
      const at = Array.isArray(asked.escalate) ? [...path, 'escalate', i] : [...path, 'escalate'];
      if (problem) this.#faults.add(at, problem.message, problem.hint);
    });
    const least = 1 + escalate.length;
    const maxAttempts = asked.maxAttempts ?? least;
    if (asked.maxAttempts === undefined && escalate.length === 0)
      this.#faults.add(path, '`retry` says nothing', 'write {maxAttempts: 2} or {escalate: [a model]}');
    if (maxAttempts < least) {
      const message = `${maxAttempts} attempts never come to the last of ${escalate.length} models to escalate to`;
      this.#faults.add([...path, 'maxAttempts'], message, `write ${least} or more, or remove it`);
    }
    if (maxAttempts > MAX_ATTEMPTS)
      this.#faults.add(path, `\`retry\` asks for ${maxAttempts} attempts`, `write at most ${MAX_ATTEMPTS}`);
    return { maxAttempts, escalate };
  }

  #checkAbility(model: string, key: 'effort' | 'thinking', asked: string | undefined, path: Path): void {
    if (asked === undefined || !findModel(model)) return;
    const has = abilities(model, key);
    if (has.includes(asked)) return;
    const hint = has.length === 0 ? 'remove it' : `write ${has.join(', ')}, or remove it`;
    this.#faults.add(path, `${model} has no ${key} ${asked}`, hint);
  }

  /** A model that a task only comes to later goes without what it cannot do. */
  #warnOfLoss(model: string, asked: Asked): void {
    if (!findModel(model)) return;
    for (const key of ['effort', 'thinking'] as const) {
      const value = asked[key];
      if (value !== undefined && !abilities(model, key).includes(value))
        this.warnings.add(`${model} has no ${key} ${value}: a subagent that comes to it goes on without`);
    }
  }
}

const abilities = (model: string, key: 'effort' | 'thinking'): readonly string[] =>
  key === 'effort' ? modelFacts(model).efforts : modelFacts(model).thinking;
