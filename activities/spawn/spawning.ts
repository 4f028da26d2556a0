import type { SpawnAnswer } from '../../workflows/contract/spawn.schema.ts';
import type { AgentDefinition, Grant, Task, TaskDefaults } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef, SpawnOf } from '../../workflows/contract/units.ts';

/** Who spawns: what its subagents have where their tasks say nothing else, and what they may not exceed. */
export interface SpawnParent {
  /** undefined: a script, whose subagents stand by themselves. */
  subagent: { index: number; label: string; generation: number } | undefined;
  /** Of the parent itself; 0 for a task of the plan, and for a script. */
  depth: number;
  maxDepth: number;
  defaults: TaskDefaults;
  /** What a task's permissions must lie within, in the words of `directory`. */
  ceiling: { grant: Grant; directory: string } | undefined;
  /** Labels it has given, whole: `parent/label`. */
  labels: ReadonlySet<string>;
  agents: readonly AgentDefinition[];
  /** MCP servers its subagents may name; absent: any. */
  mcpServers?: readonly string[];
  /** Behind each whole label, where an earlier try of the parent may have given the same ones. */
  labelEnd?: string;
}

export interface SpawnWaits {
  need: number;
  /** A range of this request. */
  own?: [from: number, count: number];
  /** Indexes. */
  earlier: number[];
}

/** How subagents of subagents and of scripts come into being. One per worker process; safe to call twice throughout. */
export interface Spawning {
  /** Of the tool and of `agent()`'s options: what a task may say. */
  readonly taskSchema: Record<string, unknown>;
  /**
   * Completes tasks as a parent wrote them (contracts §1, snake_case or camelCase) and checks everything that can be
   * checked without the root: keys, labels, dependencies and their cycles, grants, depth, models, schemas. `faults` are
   * sentences that its author can act on, all of them at once; then nothing is spawned. Pure but for the price table.
   */
  resolve(
    tasks: readonly unknown[],
    parent: SpawnParent,
  ): { ok: true; tasks: Task[] } | { ok: false; faults: string[] };
  /** Stores a request. */
  ask(tasks: readonly Task[], waits: readonly SpawnWaits[]): Promise<ArtifactRef>;
  /** What the root has answered; undefined: nothing yet. */
  answer(of: SpawnOf): Promise<SpawnAnswer | undefined>;
}
