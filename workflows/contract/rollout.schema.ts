import { z } from 'zod';
import { SUBAGENT_STATUSES } from './statuses.ts';

const Quantiles = z.object({ p50: z.int(), p90: z.int(), low: z.int(), high: z.int() });

/** What is to be expected of the targets still to come. */
export const Forecast = z.object({
  /** Targets it rests on. */
  basis: z.int(),
  /** They are one or two. */
  isThin: z.boolean(),
  /** Of the whole fleet, what was spent included. */
  costMicroUsd: Quantiles,
  /** From now until the last one has ended, without waits for people. */
  timeMs: Quantiles,
});
export type Forecast = z.infer<typeof Forecast>;

/** What a gate was judged by, and what people see before they decide: stored once, named by `GateVerdict.report`. */
export const GateReport = z.object({
  v: z.literal(1),
  title: z.string(),
  /** The newest wave that has ended, and how many there are. */
  wave: z.int(),
  waves: z.int(),
  isOpen: z.boolean(),
  /** Why the figures do not open it. */
  why: z.array(z.string()),
  gate: z.object({
    minCompleted: z.number().optional(),
    minVerified: z.number().optional(),
    maxCostPerTargetMicroUsd: z.int().optional(),
    approval: z.boolean().optional(),
  }),
  /** Of all waves so far. */
  census: z.record(z.enum(SUBAGENT_STATUSES), z.int()),
  /** Targets that were tried: skipped ones are left out. */
  tried: z.int(),
  completed: z.int(),
  /** Completed, and all of at least one verification passed. */
  verified: z.int(),
  /** null: not known of any. */
  costPerTargetMicroUsd: z.int().nullable(),
  /** Completed ones whose result was taken over from an earlier fleet. */
  reused: z.int(),
  spentMicroUsd: z.int(),
  /** From the start of the fleet to the end of the newest of these. */
  elapsedMs: z.int(),
  /** Where the waves so far have more targets than are looked at one by one: of so many, evenly, the figures were taken. */
  looked: z.int().optional(),
  /** Largest first. */
  failures: z.array(
    z.object({
      signature: z.string(),
      type: z.string(),
      message: z.string(),
      count: z.int(),
      labels: z.array(z.string()),
    }),
  ),
  /** Kinds of failure beyond those. */
  otherFailures: z.int(),
  /** Absent: nothing that was tried says anything. */
  forecast: Forecast.optional(),
  /** The wave to come; the first of its labels. */
  next: z.object({ count: z.int(), labels: z.array(z.string()) }),
  /** Targets of all waves to come. */
  remaining: z.int(),
});
export type GateReport = z.infer<typeof GateReport>;
