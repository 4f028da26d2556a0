/**
 * Runs what subagents ask a shell to run. One per worker process; knows nothing of Claude, tools or Temporal. Every
 * process it starts is gone when its sandbox is closed, when its command is aborted, and when the worker dies.
 */
export interface Sandboxes {
  /** Whether a sandbox starts on this host, found out by starting one; tried once. */
  check(): Promise<SandboxCheck>;
  /** One subagent's sandbox. Starts nothing before its first command. */
  create(options: SandboxOptions): Sandbox;
  /**
   * A command line that runs a long-lived program (an MCP server) confined: read-only system, own /tmp, no workspace, dead
   * with the worker. Rejects with `SandboxUnavailable`. `release`, once the program is gone, gives back what was made for
   * it; so does `close`. Safe to call twice.
   */
  confine(program: ConfinedProgram): Promise<ConfinedStart>;
  /** Ends every sandbox that is open. Safe to call twice. */
  close(): Promise<void>;
}

export interface ConfinedProgram {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Absolute paths outside /usr it may read; only an operator names them. */
  readOnlyPaths: readonly string[];
  hasNetwork: boolean;
}

/** For whoever starts it with nothing but pipes on stdin, stdout and stderr. */
export interface ConfinedStart {
  command: string;
  args: string[];
  env: Record<string, string>;
  release?: () => Promise<void>;
}

/** `none` only where the operator says so: commands run as the worker's user, with all that user may do. */
export type Isolation = 'bubblewrap' | 'none';

export type SandboxCheck = { ok: true; isolation: Isolation } | { ok: false; reason: string };

export interface SandboxOptions {
  /** File-name-safe id, unique among sandboxes open at once on this host. */
  owner: string;
  /** Absolute: the workspace as mounted, and the working directory inside it. Both keep their paths inside. */
  root: string;
  directory: string;
  /** Absolute directories of the workspace the shell may write in; all else of it is read-only. May name the root. */
  writable: readonly string[];
  /** Absolute paths inside `writable` that stay read-only where they exist. */
  readOnly: readonly string[];
  /** Absolute paths inside `root`, files or directories, that look empty in there. */
  hidden?: readonly string[];
  /** Besides PATH, HOME and LANG. */
  env: Readonly<Record<string, string>>;
  /** Absolute path of the broker's socket for this subagent; undefined: no network at all. */
  egressSocket?: string | undefined;
}

export interface Sandbox {
  /**
   * Runs one command in the subagent's long-lived shell, one after another, and starts that shell where none lives. A
   * command that fails is an outcome. Rejects with `SandboxUnavailable`, or with `signal.reason` once every process of
   * the command is gone (≤ 2 s).
   */
  run(command: string, options: CommandOptions): Promise<CommandOutcome>;
  /** As `run`, in a shell that shares the files and nothing else with the long-lived one; all of `root` is writable. */
  runApart(command: string, options: CommandOptions): Promise<CommandOutcome>;
  /** Ends all its processes. Safe to call twice. */
  close(): Promise<void>;
}

export interface CommandOptions {
  timeoutMs: number;
  signal: AbortSignal;
}

export interface CommandOutcome {
  /** null: the command was ended. */
  exitCode: number | null;
  /** Why it was ended; undefined: it exited by itself. */
  endedBy?: 'timeout' | 'output' | 'memory' | 'disk' | 'death';
  /** stdout and stderr as they came, cut in the middle beyond the limit, control sequences still in it. */
  output: string;
  /** How much it printed in all, as far as it was read. */
  outputBytes: number;
  durationMs: number;
  /** This command was the first of a new shell: variables, functions and processes of an earlier one are gone. */
  isNewShell: boolean;
}

/** The sandbox cannot start here; the message says why. Nothing was run, and nothing will be run outside of it. */
export class SandboxUnavailable extends Error {
  override name = 'SandboxUnavailable';
}
