import type { McpServer } from '../../workflows/contract/task.schema.ts';
import type { ToolDefinition } from '../claude/claude.ts';

/** MCP servers, one instance of each per worker, shared by its subagents. */
export interface McpServers {
  /**
   * The tools of the named servers, `declared` ones before the operator's of the same name. Their definitions are pinned
   * for the fleet: the first worker that sees a server writes their hash down, and all others compare. The same value
   * (and array) for the same fleet and names. Rejects with `McpUnavailable`.
   */
  tools(of: {
    fleetId: string;
    names: readonly string[];
    declared: Readonly<Record<string, McpServer>>;
    signal: AbortSignal;
  }): Promise<McpTools>;
  /** Ends every server it started. Safe to call twice. */
  close(): Promise<void>;
}

export interface McpTools {
  /** Named `mcp__server__tool`, sorted. Empty for a server whose tools have changed. */
  readonly definitions: readonly ToolDefinition[];
  /** Why a tool may not be called; undefined: it may, as far as its server is concerned. */
  refusal(name: string): { reason: 'MCP_CHANGED'; message: string } | undefined;
  /** Failures of the tool are content with `isError`. Rejects with `signal.reason` only. */
  call(
    name: string,
    input: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<{ content: string; isError: boolean }>;
}

/** No such server, or it does not start or answer. */
export class McpUnavailable extends Error {
  override name = 'McpUnavailable';
}
