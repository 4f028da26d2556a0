import { findModel, knownModels, modelFacts } from '../../activities/claude/prices.ts';
import { DEFAULT_MODEL } from '../../workflows/contract/limits.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import {
  modelFaults,
  modelOfAgent,
  modelProblem,
  readRetry,
  type ModelLore,
} from '../../workflows/policy/model-faults.ts';
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

/** Chooses the models of tasks and checks that each can do what is asked of it. */
export class Models {
  readonly warnings = new Set<string>();
  readonly #sources: ModelSources;
  readonly #faults: FaultList;
  readonly #lore: ModelLore;
  #hasBlamedFlag = false;

  constructor(sources: ModelSources, faults: FaultList) {
    this.#sources = sources;
    this.#faults = faults;
    const verdicts = new Map<string, boolean | string>();
    const known = (model: string): boolean | string => {
      const verdict = verdicts.get(model) ?? sources.known(model);
      verdicts.set(model, verdict);
      return verdict;
    };
    this.#lore = { known, abilities };
  }

  /** `at` says where a key of the task stands in the file. `agentModel` counts where the task names none. */
  choose(asked: Asked, agentModel: string | undefined, at: (key: keyof Asked) => Path): ModelChoice {
    const { effort, thinking, fallbackModel } = asked;
    const model = this.#model(asked.model ?? agentModel, at);
    for (const { path, message, hint } of modelFaults({ ...asked, model }, this.#lore)) {
      const [key, ...inside] = path;
      this.#faults.add([...at(key as keyof Asked), ...inside], message, hint);
    }
    const retry = asked.retry && readRetry(asked.retry);
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
    return modelOfAgent(named, knownModels());
  }

  /** Whether it is known; else what to write instead. */
  problem(model: string): { message: string; hint: string } | undefined {
    return modelProblem(model, this.#lore);
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

  /** A model that a task only comes to later goes without what it cannot do. */
  #warnOfLoss(model: string, asked: Asked): void {
    for (const key of ['effort', 'thinking'] as const) {
      const value = asked[key];
      const has = abilities(model)?.[key];
      if (value !== undefined && has && !has.includes(value))
        this.warnings.add(`${model} has no ${key} ${value}: a subagent that comes to it goes on without`);
    }
  }
}

function abilities(model: string): ReturnType<ModelLore['abilities']> {
  if (!findModel(model)) return undefined;
  const { efforts, thinking } = modelFacts(model);
  return { effort: efforts, thinking };
}
