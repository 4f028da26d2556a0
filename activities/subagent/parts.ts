import type { ArtifactStore } from '../artifacts/store.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';
import type { Claude, ToolDefinition } from '../claude/claude.ts';
import type { ModelFacts } from '../claude/prices.ts';
import type { Log } from '../observe/log.ts';
import type { ToolDispatcher } from '../tools/tool.ts';
import type { Workspaces } from '../workspace/workspace.ts';

/** What the agent loop works with, wired in `workers/composition.ts`. One set per worker process. */
export interface SubagentParts {
  store: ArtifactStore;
  records: FleetRecords;
  claude: Claude;
  prices: Prices;
  tools: ToolDispatcher;
  structuredOutput: StructuredOutput;
  workspaces: Workspaces;
  log: Log;
}

export interface Prices {
  worstCaseMicroUsd(model: string, inputTokens: number, maxTokens: number): number;
  /** 0 when the prompt alone does not fit. */
  maxTokensWithin(model: string, inputTokens: number, microUsd: number): number;
  modelFacts(model: string): ModelFacts;
}

export interface StructuredOutput {
  definition: ToolDefinition;
  validate(
    schema: Record<string, unknown>,
    value: unknown,
  ): { ok: true; value: unknown } | { ok: false; errors: string[] };
}
