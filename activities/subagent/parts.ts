import type { Changes } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';
import type { Claude, Message, ToolDefinition } from '../claude/claude.ts';
import type { CompactionBlock, compactionBlock } from '../claude/compaction.ts';
import type { ModelFacts } from '../claude/prices.ts';
import type { Egress } from '../egress/egress.ts';
import type { McpServers } from '../mcp/mcp.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Redact } from '../observe/redaction.ts';
import type { Sandboxes } from '../sandbox/sandbox.ts';
import type { Spawning } from '../spawn/spawning.ts';
import type { ToolDispatcher } from '../tools/tool.ts';
import type { Workspace, Workspaces } from '../workspace/workspace.ts';

/** What the agent loop works with, wired in `workers/composition.ts`. One set per worker process. */
export interface SubagentParts {
  store: ArtifactStore;
  records: FleetRecords;
  claude: Claude;
  prices: Prices;
  conversations: Conversations;
  tools: ToolDispatcher;
  structuredOutput: StructuredOutput;
  spawning: Spawning;
  workspaces: Workspaces;
  files: WorkspaceFiles;
  sandboxes: Sandboxes;
  egress: Egress;
  /** Private directory of this process for the sockets of `egress`; short, for the path of a socket is. */
  socketDirectory: string;
  mcp: McpServers;
  /** Files and counts of a patch. */
  changesOf: (patch: ArtifactRef) => Promise<Changes>;
  /** Hides this worker's secrets, and what looks like anybody's. */
  redact: Redact;
  /** What a command printed, without control sequences. */
  plainText: (output: string) => string;
  log: Log;
  metrics: Metrics;
}

export interface Prices {
  worstCaseMicroUsd(model: string, inputTokens: number, maxTokens: number): number;
  /** 0 when the prompt alone does not fit. */
  maxTokensWithin(model: string, inputTokens: number, microUsd: number): number;
  modelFacts(model: string): ModelFacts;
}

/** How a conversation is changed without breaking it. */
export interface Conversations {
  withoutThinking(messages: readonly Message[]): Message[];
  compactionBlock: typeof compactionBlock;
  compacted(messages: readonly Message[], block: CompactionBlock): Message[];
}

export interface StructuredOutput {
  definition: ToolDefinition;
  validate(
    schema: Record<string, unknown>,
    value: unknown,
  ): { ok: true; value: unknown } | { ok: false; errors: string[] };
}

export interface WorkspaceFiles {
  /** Text of a file of the workspace by its path there, never of one outside; undefined where none may be read. */
  read(workspace: Pick<Workspace, 'root' | 'directory' | 'mayWrite'>, path: string): Promise<string | undefined>;
}
