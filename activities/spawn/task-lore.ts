import type { ModelLore } from '../../workflows/policy/model-faults.ts';

/** What of other rooms a task is judged by. */
export interface TaskLore {
  models: ModelLore & { names: () => readonly string[] };
  /** What is wrong with an output schema; undefined: nothing. */
  schemaFault: (schema: Record<string, unknown>) => string | undefined;
  repoProblem: (repo: { url: string; ref?: string | undefined }) => { message: string; hint: string } | undefined;
}
