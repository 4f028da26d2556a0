import type { DenialReason } from '../../workflows/policy/permission.ts';
import type { Denial, Grant } from '../../workflows/contract/task.schema.ts';
import type { ToolDefinition } from '../claude/claude.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { McpTools } from '../mcp/mcp.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { ResolvedPath } from './resolved-path.ts';

/** Where and as whom a tool runs. */
export interface ToolContext {
  workspace: Pick<Workspace, 'root' | 'directory' | 'mayWrite'>;
  grant: Grant;
  /** The subagent's own; nothing has started before its first command. Absent where a tool must not run commands. */
  sandbox?: Pick<Sandbox, 'run'> | undefined;
  /** Tools of the MCP servers its task names. */
  mcp?: McpTools | undefined;
  /** Subagents of its own. */
  children?: Children | undefined;
  /** Aborts the tool: its processes die, its promise rejects with the reason. */
  signal: AbortSignal;
}

/** How many of some subagents a parent waits for. */
export type WaitFor = 'all' | 'first' | number;

/** What a call about subagents is answered with: at once, or once those it waits for have ended. */
export type ChildrenAnswer = { content: string; isError?: boolean } | 'later';

/** What a parent may ask of its subagents. Nothing here throws for what the model can mend. */
export interface Children {
  spawn(tasks: readonly unknown[], wait: WaitFor): Promise<ChildrenAnswer>;
  /** `labels` undefined: all whose results it was not given. */
  collect(labels: readonly string[] | undefined, wait: WaitFor): Promise<ChildrenAnswer>;
  /** Characters of an output, from `offset`. */
  read(label: string, offset: number, limit: number): Promise<ChildrenAnswer>;
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
  /** Allowed, and answered once those it waits for have ended; `content` is empty. */
  isPending?: boolean;
}

/** One file per tool; `defineTool` makes them. */
export interface Tool {
  definition: ToolDefinition;
  kind: 'read' | 'search' | 'edit' | 'command' | 'fetch' | 'other';
  /** Parses the model's input, or says what is wrong with it in words the model can act on. Never throws. */
  prepare(input: unknown): PreparedCall | InputFault;
}

export interface PreparedCall {
  ok: true;
  /** The path the call is about, as the model wrote it; undefined: the working directory, or none for a command or fetch. */
  path: string | undefined;
  /** Of kind `command`: the text for the shell. */
  command?: string;
  /** Of kind `fetch`. */
  url?: URL;
  /** Only called once the dispatcher has resolved and allowed that path. Throws `ToolError`, `Refusal`, errors of files. */
  run(call: AllowedCall): Promise<ToolOutput>;
}

export interface InputFault {
  ok: false;
  message: string;
  reason?: DenialReason;
}

export interface AllowedCall extends ToolContext {
  target: ResolvedPath;
  /** What the grant says about another host of kind `fetch` (canonical, as `PermissionRequest.host`): redirects. */
  mayFetch(host: string): boolean;
  /** What the grant says about reading another path, relative to the workspace and resolved. */
  mayRead(path: string): boolean;
  /** A path of the workspace as the model writes it: relative to the working directory. */
  show(path: string): string;
}

export interface ToolOutput {
  content: string;
  hasWritten?: boolean;
  /** `content` is to come: see `ToolAnswer.isPending`. */
  isPending?: boolean;
}

/** parse → permit → confine → run → truncate. Never throws but for `signal.reason` and a full disk (ENOSPC, EDQUOT). */
export interface ToolDispatcher {
  /** The same list for every subagent, in the same order: scope is decided at the call, not by hiding tools. */
  readonly definitions: readonly ToolDefinition[];
  run(call: ToolCall, context: ToolContext): Promise<ToolAnswer>;
}
