import { join } from 'node:path';
import type { Changes, GuardFinding, Task } from '../../workflows/contract/task.schema.ts';
import { isGitPath, isProtectedPath } from '../../workflows/policy/protected-path.ts';
import { hasTool, mayKeep, shellScope } from '../../workflows/policy/shell-scope.ts';
import type { ToolDefinition } from '../claude/claude.ts';
import type { McpTools } from '../mcp/mcp.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { ToolContext } from '../tools/tool.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Checkpoint } from './checkpoint.ts';
import { guardFindings } from './guards.ts';
import { hiddenPaths } from './hidden-files.ts';
import type { SubagentParts } from './parts.ts';
import { openWayOut, type WayOut } from './way-out.ts';

export interface PlaceOf {
  task: Task;
  checkpoint: Checkpoint;
  /** What its files begin with; null: as the source. */
  patch: string | null;
  /** File-name-safe id, unique among places open at once on this host. */
  owner: string;
  /** Of the fleet; undefined: the task names no servers. */
  mcp: McpTools | undefined;
  signal: AbortSignal;
}

/** What its shell gets. */
interface Shell {
  wayOut: WayOut | undefined;
  /** Relative to the workspace. */
  hidden: readonly string[];
}

/** So many paths outside its grant are listed one by one. */
const MOST_DENIALS = 500;
const PATHS_AT_ONCE = 200;

/**
 * Where one attempt works: its workspace, the shell in it, the way out of that shell, the tools of its servers. Closing it
 * ends every process before the files go.
 */
export class WorkPlace {
  readonly workspace: Workspace;
  readonly definitions: readonly ToolDefinition[];
  private readonly parts: SubagentParts;
  private readonly of: PlaceOf;
  private readonly shell: Shell;
  private opened: Sandbox | undefined;
  private isLeft = false;

  private constructor(parts: SubagentParts, of: PlaceOf, workspace: Workspace, shell: Shell) {
    this.parts = parts;
    this.of = of;
    this.workspace = workspace;
    this.shell = shell;
    this.definitions = of.mcp ? joined(parts.tools.definitions, of.mcp.definitions) : parts.tools.definitions;
  }

  /** Throws as `Workspaces.open`. */
  static async open(parts: SubagentParts, of: PlaceOf): Promise<WorkPlace> {
    const { task, checkpoint, patch, owner, signal } = of;
    const { permissions, workspace: source } = task;
    const workspace = await parts.workspaces.open(source, {
      mayWrite: needsOwnFiles(task),
      owner,
      patch,
      keeps: (path) => mayKeep(permissions, source.subdirectory, path),
      signal,
    });
    try {
      const hidden = needsShell(task) ? await hiddenPaths(workspace.root, permissions, source.subdirectory) : [];
      return new WorkPlace(parts, of, workspace, { hidden, wayOut: await openWayOut(parts, task, checkpoint) });
    } catch (error) {
      await workspace.close();
      throw error;
    }
  }

  /** What tools work with. */
  get tools(): Pick<ToolContext, 'workspace' | 'sandbox' | 'mcp'> {
    const { task, mcp } = this.of;
    return {
      workspace: this.workspace,
      ...(hasTool(task.permissions, 'Bash') && { sandbox: this.sandbox }),
      ...(mcp && { mcp }),
    };
  }

  /** Starts nothing before its first command. */
  get sandbox(): Sandbox {
    if (this.isLeft) throw new Error('the work place is closed');
    return (this.opened ??= this.createSandbox());
  }

  /** Stores what the subagent has changed, and lists what it changed where it may not. */
  async save(): Promise<string | null> {
    const patch = await this.workspace.save();
    this.listOutside();
    return patch;
  }

  /** Takes away what was made since the newest `save` and is not in it: a check wrote it, and the subagent goes on. */
  async forgetNewFiles(signal: AbortSignal): Promise<void> {
    const { workspace, parts, of } = this;
    const outside = new Set(workspace.outside);
    const before = of.checkpoint.record.patch;
    const after = await workspace.save();
    const known = new Set(before === null ? [] : (await parts.changesOf(before)).files);
    const changed = after === null || after === before ? [] : (await parts.changesOf(after)).files;
    const made = [
      ...changed.filter((path) => !known.has(path)),
      ...workspace.outside.filter((path) => !outside.has(path)),
    ];
    // By the sandbox, not by us: what the path leads to is the subagent's making.
    for (let from = 0; from < made.length; from += PATHS_AT_ONCE) {
      const paths = made.slice(from, from + PATHS_AT_ONCE).map((path) => quoted(join(workspace.root, path)));
      await this.sandbox.runApart(`rm -f -- ${paths.join(' ')}`, { timeoutMs: 30_000, signal });
    }
  }

  /** What the result says about its files; `patch` as saved. */
  async leavings(patch: string | null): Promise<{ changes: Changes | undefined; guards: GuardFinding[] }> {
    const { parts, workspace } = this;
    const text = patch === null ? '' : Buffer.from(await parts.store.get(patch)).toString();
    return {
      changes: patch === null ? undefined : await parts.changesOf(patch),
      guards: guardFindings(text, workspace.outside),
    };
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    this.isLeft = true;
    try {
      await this.opened?.close();
      await this.shell.wayOut?.close();
    } finally {
      await this.workspace.close();
    }
  }

  private createSandbox(): Sandbox {
    const { task, owner } = this.of;
    const { root, directory } = this.workspace;
    const { hidden, wayOut } = this.shell;
    const scope = shellScope(task.permissions, task.workspace.subdirectory);
    const inside = (path: string): string => join(root, path);
    return this.parts.sandboxes.create({
      owner,
      root,
      directory,
      writable: scope.writable.map(inside),
      readOnly: scope.readOnly.map(inside),
      hidden: hidden.map(inside),
      env: task.env ?? {},
      egressSocket: wayOut?.socket,
    });
  }

  private listOutside(): void {
    const { checkpoint } = this.of;
    const listed = new Set(checkpoint.record.denials.map(({ input }) => input['file_path']));
    const fresh = this.workspace.outside.filter((path) => !listed.has(path));
    checkpoint.deny(
      ...fresh.slice(0, Math.max(0, MOST_DENIALS - listed.size)).map((path) => ({
        tool: 'Bash',
        input: { file_path: path },
        reason: isGitPath(path) || isProtectedPath(path) ? 'PROTECTED_PATH' : 'NOT_GRANTED',
      })),
    );
  }
}

/** Whether the grant can ever change a file, or a command be run: without it the subagent reads a shared checkout. */
export function needsOwnFiles(task: Pick<Task, 'permissions' | 'verify'>): boolean {
  return ['Edit', 'Write'].some((tool) => hasTool(task.permissions, tool)) || needsShell(task);
}

function needsShell({ permissions, verify }: Pick<Task, 'permissions' | 'verify'>): boolean {
  return hasTool(permissions, 'Bash') || (verify ?? []).length > 0;
}

const joinedLists = new WeakMap<readonly ToolDefinition[], readonly ToolDefinition[]>();

/** The same array for the same servers: a call's prefix is known by it. */
function joined(own: readonly ToolDefinition[], servers: readonly ToolDefinition[]): readonly ToolDefinition[] {
  const known = joinedLists.get(servers);
  if (known) return known;
  const all = Object.freeze([...own, ...servers]);
  joinedLists.set(servers, all);
  return all;
}

const quoted = (path: string): string => `'${path.replaceAll("'", `'\\''`)}'`;
