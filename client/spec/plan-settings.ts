import type { GivenRules } from './flag-grant.ts';

/** What flags, configuration and this machine say, whatever a fleet is made of. */
export interface PlanSettings {
  /** Absolute. */
  cwd: string;
  /** Flags; they win over the file. */
  overrides: {
    concurrency?: number;
    budgetUsd?: number;
    model?: string;
    timeoutMs?: number;
    maxAgents?: number;
    maxDepth?: number;
  };
  /** Of the configuration: for a file that says nothing itself. */
  defaults?: { concurrency?: number; model?: string };
  /** Rules on top of `edit`: what a task has that names none, and what those that name some must lie within. */
  ceiling?: GivenRules;
  /** What `env` may name; omitted: nothing. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** MCP servers that the operator of this machine's workers declares. */
  operatorMcpServers?: readonly string[];
  /** True for a model of the price table, else the nearest known one, or false when none is near. */
  knownModels: (model: string) => boolean | string;
}
