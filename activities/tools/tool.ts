import type { Denial, Grant } from '../../workflows/contract/task.schema.ts';
import type { ToolDefinition } from '../claude/claude.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** Where and as whom a tool runs. */
export interface ToolContext {
  workspace: Pick<Workspace, 'root' | 'directory' | 'mayWrite'>;
  grant: Grant;
  /** Aborts the tool: its processes die, its promise rejects with the reason. */
  signal: AbortSignal;
}

export interface ToolCall {
  name: string;
  input: unknown;
}

/** What the model sees. A tool's failure is content for the model, never a throw. */
export interface ToolAnswer {
  content: string;
  isError: boolean;
  /** Set when the call was refused: also an entry of `permission_denials`. */
  denial?: Denial;
  /** It may have changed the workspace. */
  hasWritten: boolean;
}

/** One file per tool. `run` is only called for input that fits the schema and that the dispatcher has allowed. */
export interface Tool<Input> {
  definition: ToolDefinition;
  /** Parses the model's input, or says what is wrong with it in words the model can act on. */
  parse(input: unknown): { ok: true; input: Input } | { ok: false; message: string };
  run(input: Input, context: ToolContext): Promise<{ content: string; isError?: boolean; hasWritten?: boolean }>;
}

/** parse → permit → confine → run → truncate. Never throws but for `signal.reason` and a full disk (ENOSPC). */
export interface ToolDispatcher {
  /** The same list for every subagent, in the same order: scope is decided at the call, not by hiding tools. */
  readonly definitions: readonly ToolDefinition[];
  run(call: ToolCall, context: ToolContext): Promise<ToolAnswer>;
}
