import { z } from 'zod';

/**
 * Between the worker and the child that interprets a script: one JSON text a line. The worker opens, then asks for turns;
 * the child answers each with its calls, one a line, and one round. An exchange is one turn or several: where calls were
 * refused or another script is needed, it goes on at once.
 */
export interface Opening {
  file: string;
  source: string;
  /** JSON; absent: `undefined`. */
  args?: string;
  /** What the engine takes for the time, milliseconds since 1970. */
  clockMs: number;
  /** See `ScriptLimits`. */
  fuelTicks: number;
}

export interface Turn {
  /** The first one of an exchange: its fuel and its lines start anew. */
  isFirst: boolean;
  exchange: number;
  news: News[];
  /** In output tokens; null: no limit. */
  budget: { total: number | null; spent: number };
}

/** What a script hears of, in this order. `id`: the number of the wait that ends. */
export type News =
  | { kind: 'result'; id: number; result: AgentResult }
  | { kind: 'refused'; id: number; message: string }
  | { kind: 'decided'; exchange: number; isApproved: boolean }
  /** Another script, for `workflow()`. */
  | { kind: 'script'; id: number; file: string; source: string };

/** A result as `agentResult()` gives it (contracts §2). */
export type AgentResult = Record<string, unknown>;

const Id = z.int().min(1);

export const ScriptCall = z.object({
  id: Id,
  kind: z.enum(['agent', 'agentResult']),
  prompt: z.string(),
  options: z.record(z.string(), z.unknown()),
  /** The progress group it was made in, or names. */
  phase: z.string().optional(),
});
export type ScriptCall = z.infer<typeof ScriptCall>;

const ScriptFailure = z.object({
  type: z.string(),
  message: z.string(),
  line: z.int().min(1).exactOptional(),
  column: z.int().min(1).exactOptional(),
});

export const Round = z.object({
  /** Calls since the turn before. */
  calls: z.int(),
  progress: z.array(z.object({ kind: z.enum(['log', 'phase']), text: z.string() })),
  /** Other scripts it needs now. */
  scripts: z.array(z.object({ id: Id, name: z.string().optional(), path: z.string().optional() })),
  ask: z.object({ id: Id, title: z.string() }).optional(),
  /** Nothing more can come of it: all that it waits for only it could bring. */
  isStuck: z.boolean(),
  /** `value`: JSON; absent: undefined. */
  end: z.union([z.strictObject({ error: ScriptFailure }), z.strictObject({ value: z.string().optional() })]).optional(),
});
export type Round = z.infer<typeof Round>;

/** One line of the child. */
export const ChildLine = z.union([
  z.strictObject({ ready: z.literal(true) }),
  z.strictObject({ call: ScriptCall }),
  z.strictObject({ round: Round }),
]);
export type ChildLine = z.infer<typeof ChildLine>;
