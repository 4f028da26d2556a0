import { MICRO_USD } from '../../workflows/contract/limits.ts';

/** Tokens of the first call that are not the user's: system prompt and the largest set of tools. */
const OVERHEAD_TOKENS = 6_000;
const MODEST_OUTPUT_TOKENS = 1_024;
const MOST_MICRO_USD = MICRO_USD;

export interface SlicedTask {
  model: string;
  prompt: string;
  context: readonly { text: string }[];
  maxBudgetMicroUsd?: number | undefined;
}

export interface SliceQuestion {
  tasks: readonly SlicedTask[];
  /** Most subagents that may come to these; omitted: none. */
  mayCome?: number;
  budgetMicroUsd: number | null;
  concurrency: number;
  /** `worstCaseMicroUsd` of the price table. */
  worstCase: (model: string, inputTokens: number, maxTokens: number) => number;
}

/**
 * What one dispatch may spend before it must ask again, in micro-dollars: half of what each of those in flight would
 * have if the budget were dealt out at once, so that concurrency holds until half of the money is spent. At most one
 * dollar and at most the largest cap of a task; at least a first call of the middle task (bytes bound tokens from
 * above), since less would only park it. A task with a larger first call asks for what it needs.
 */
export function sliceMicroUsd(question: SliceQuestion): number {
  const { tasks, mayCome = 0, budgetMicroUsd, concurrency, worstCase } = question;
  const share = (budgetMicroUsd ?? Infinity) / (2 * Math.max(1, Math.min(concurrency, tasks.length + mayCome)));
  const largestCap = Math.max(...sample(tasks).map(({ maxBudgetMicroUsd }) => maxBudgetMicroUsd ?? Infinity));
  const firstCalls = sample(tasks).map((task) => worstCase(task.model, firstTokens(task), MODEST_OUTPUT_TOKENS));
  const middle = firstCalls.sort((a, b) => a - b)[Math.floor(firstCalls.length / 2)] ?? 1;
  return Math.ceil(Math.max(1, middle, Math.min(share, MOST_MICRO_USD, largestCap)));
}

function firstTokens({ prompt, context }: SlicedTask): number {
  return context.reduce((sum, { text }) => sum + Buffer.byteLength(text), OVERHEAD_TOKENS + Buffer.byteLength(prompt));
}

/** At most 1,000 tasks, evenly over the list: a hundred thousand tell no more. */
function sample<T>(tasks: readonly T[]): T[] {
  const step = Math.max(1, tasks.length / 1_000);
  return Array.from({ length: Math.min(tasks.length, 1_000) }, (_, i) => tasks[Math.floor(i * step)]!);
}
