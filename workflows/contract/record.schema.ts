import { z } from 'zod';
import { Denial, Result, Usage, Verified } from './task.schema.ts';
import type { FleetSummary as Summary, Parents as ParentsOfFleet } from './units.ts';

const ArtifactRef = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/**
 * All that the store keeps of one subagent in one generation, as one record changed by compare-and-swap: the fence, the
 * checkpoint after its newest turn, and in the end its result. One record, so that a stalled attempt which wakes up can
 * write none of the three.
 */
export const SubagentRecord = z.object({
  v: z.literal(1),
  /** Who may write: dispatch epoch of the root, then attempt of the activity. Only ever grows. */
  fence: z.object({ epoch: z.int(), attempt: z.int() }),
  startedAtMs: z.int(),
  /** Attempts of all dispatches so far. */
  attempts: z.int(),
  /** Model calls whose answer and tool results are in the transcript. */
  turns: z.int(),
  /** Messages so far: whole chunks in the store, oldest first, then the newest ones inline. */
  chunks: z.array(ArtifactRef),
  tail: z.array(z.unknown()),
  /** Chunks of messages that stand in the transcript and no longer in the conversation: summarised, or of earlier tries. */
  past: z.array(ArtifactRef).optional(),
  /** Patch of the workspace against its source after the newest turn that wrote; null: as the source. */
  patch: ArtifactRef.nullable(),
  usage: Usage,
  /** All it has spent, `reworkMicroUsd` included; over all dispatches of this generation. */
  costMicroUsd: z.int(),
  reworkMicroUsd: z.int(),
  /** Spent by the dispatch `fence.epoch` alone: what its activity reports. */
  epochSpentMicroUsd: z.int(),
  /** Worst case of the model call under way, written before it; booked as rework if no later write settles it. */
  pendingMicroUsd: z.int(),
  /** Time the subagent was at work: calls and tools, not waits for the provider. */
  activeMs: z.int(),
  denials: z.array(Denial),
  /** Refused or broken model calls since the newest turn. */
  errors: z.int(),
  /** Structured outputs that did not fit the schema so far. */
  schemaFailures: z.int(),
  /** The model it is on, where a fallback or an escalation has left the task's own. */
  model: z.string().optional(),
  /** Messages of the conversation that were made with another model: their thinking is not sent. */
  switchedAt: z.int().optional(),
  /** Refusals for overload in a row. */
  overloads: z.int().optional(),
  /** Tokens the newest answer counted for so many messages from the first: what the next prompt is bounded with. */
  counted: z.tuple([z.int(), z.int()]).optional(),
  /** `turns` at its newest summary. */
  compactedAt: z.int().optional(),
  /** Fresh starts so far (`retry`); absent: none. */
  restarts: z.int().optional(),
  /** Rounds of repair after a failed verification in this try. */
  repairs: z.int().optional(),
  verify: z.array(Verified).optional(),
  /** It has ended its turn, and `patch` is what it leaves; its verification is under way. */
  isVerifying: z.boolean().optional(),
  /** It was told that its time is up, and may only report. */
  isReporting: z.boolean().optional(),
  /** A shell of this subagent has run a command, and was lost with its attempt unless it still runs. */
  hadShell: z.boolean().optional(),
  /** Requests to the root so far (`SpawnOf.seq`). */
  spawnSeq: z.int().optional(),
  /** The newest request, whose calls have no results yet. */
  spawnPending: ArtifactRef.optional(),
  /** What the calls of that request are answered from: the results of the turn's other calls, and what each is to show. */
  spawnTurn: ArtifactRef.optional(),
  /** `spawnSeq` when its present try began: what it spawned before that is not its own any more. */
  spawnFrom: z.int().optional(),
  /** Indexes of those it spawned whose results it was given, as ranges. */
  spawnGiven: z.array(z.tuple([z.int(), z.int()])).optional(),
  /** Own money promised to subagents it spawned: their caps, and what they really cost once it was given their results. */
  grantedMicroUsd: z.int().optional(),
  result: Result.optional(),
});
export type SubagentRecord = z.infer<typeof SubagentRecord>;

/** Record `reuse/…`: where the result of a task like this one lies. */
export const ReuseEntry = z.object({ fleetId: z.string(), index: z.int(), generation: z.int() });
export type ReuseEntry = z.infer<typeof ReuseEntry>;

const ScriptEnd = z.union([
  z.object({ value: ArtifactRef.nullable() }),
  z.object({
    error: z.object({
      type: z.string(),
      message: z.string(),
      line: z.int().exactOptional(),
      column: z.int().exactOptional(),
    }),
  }),
]);

const Parents = z.object({
  spawned: z.array(z.tuple([z.int(), z.union([z.int(), z.literal('script')]), z.int(), z.string().nullable()])),
  maxTimeoutMs: z.int(),
  script: z
    .object({
      generation: z.int(),
      exchange: z.int(),
      request: ArtifactRef.nullable(),
      untold: z.array(z.tuple([z.int(), z.int()])),
      news: z.array(z.int()),
      asks: z.array(z.tuple([z.int(), z.string(), z.string()])),
      decided: z.array(z.tuple([z.int(), z.boolean()])),
      sent: z.object({ ended: z.array(z.int()), decided: z.array(z.tuple([z.int(), z.boolean()])) }).exactOptional(),
      isRefused: z.boolean().exactOptional(),
      outcome: ScriptEnd.exactOptional(),
    })
    .exactOptional(),
  wave: z.int().exactOptional(),
  isLineStopped: z.boolean().exactOptional(),
}) satisfies z.ZodType<ParentsOfFleet>;

/** Record `fleets/<id>/summary`, written when a fleet has ended. */
export const FleetSummary = z.object({
  v: z.literal(1),
  fleetId: z.string(),
  generation: z.int(),
  state: z.enum(['completed', 'failed', 'cancelled']),
  units: z.string(),
  generations: z.array(z.tuple([z.int(), z.int()])),
  spentMicroUsd: z.int(),
  endedAtMs: z.int(),
  outcome: ScriptEnd.exactOptional(),
  parents: Parents.exactOptional(),
}) satisfies z.ZodType<Summary>;
export type FleetSummary = z.infer<typeof FleetSummary>;
