import { z } from 'zod';

const ArtifactRef = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** What a parent asks of the root, in the store because it may name thousands. The same request is the same blob. */
export const SpawnRequest = z.object({
  v: z.literal(1),
  /** Pages of tasks as in a manifest; `from` and the tasks' `dependsOn` count from the first of this request. */
  pages: z.array(z.object({ ref: ArtifactRef, from: z.int(), count: z.int() })),
  count: z.int(),
  maxTimeoutMs: z.int(),
  /** `own`: a range of this request; `earlier`: indexes of subagents it spawned before. */
  waits: z.array(z.object({ need: z.int(), own: z.tuple([z.int(), z.int()]).optional(), earlier: z.array(z.int()) })),
});
export type SpawnRequest = z.infer<typeof SpawnRequest>;

/** Record `spawns/…`: the root's answer. `from`: index of the first of the request. */
export const SpawnAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('admitted'), from: z.int(), count: z.int() }),
  /** `room`: how many more the tree could have held. */
  z.object({ kind: z.literal('refused'), room: z.int(), message: z.string() }),
]);
export type SpawnAnswer = z.infer<typeof SpawnAnswer>;

/** Record `spawned/<page>`: for each index its page of tasks, the offset in it, and the index its `dependsOn` count from. */
export const SpawnedPage = z.object({
  v: z.literal(1),
  tasks: z.array(z.tuple([ArtifactRef, z.int(), z.int()])),
});
export type SpawnedPage = z.infer<typeof SpawnedPage>;

/** Record `script/<generation>/<exchange>`: an exchange as it was, so that it can be played again. */
export const ScriptExchange = z.object({
  v: z.literal(1),
  /** Engine and prelude; another one may not answer for them. */
  engine: z.string(),
  ended: z.array(z.int()),
  /** Of `ended`: the generation whose result it heard, where that is not 1. */
  generations: z.array(z.tuple([z.int(), z.int()])).optional(),
  decided: z.array(z.tuple([z.int(), z.boolean()])),
  spentMicroUsd: z.int(),
  budgetMicroUsd: z.int().nullable(),
  /** Price of a million output tokens in which it was told money; absent: nobody knows one. */
  outputMicroUsd: z.int().optional(),
  /** New calls in order, as JSON in the store: ordinal, content key, options. null: none. */
  calls: ArtifactRef.nullable(),
  request: ArtifactRef.nullable(),
  asks: z.array(z.object({ title: z.string(), hash: z.string() })),
  /** What it said: `log(…)` and `phase(…)`, in order. */
  progress: z.array(z.object({ kind: z.enum(['log', 'phase']), text: z.string() })),
  outcome: z.unknown().optional(),
});
export type ScriptExchange = z.infer<typeof ScriptExchange>;
