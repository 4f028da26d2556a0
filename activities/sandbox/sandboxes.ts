import { accessSync, constants } from 'node:fs';
import type { Log } from '../observe/log.ts';
import { planBinds } from './bind-paths.ts';
import { type Box, openConfined, openUnconfined } from './box.ts';
import { confinedCommand, unconfinedCommand } from './confined-command.ts';
import { EGRESS_SOCKET, systemArguments, workspaceArguments } from './confinement.ts';
import { type ControlGroup, ControlGroups } from './control-groups.ts';
import { DiskWatch, usedBytes } from './disk-watch.ts';
import { PipeStock } from './kernel-pipe.ts';
import { ProcessWatch } from './process-watch.ts';
import { sandboxLimits, type SandboxLimits } from './limits.ts';
import {
  type ConfinedProgram,
  type Isolation,
  type Sandbox,
  type SandboxCheck,
  type Sandboxes,
  type SandboxOptions,
  SandboxUnavailable,
} from './sandbox.ts';
import { Shell } from './shell.ts';
import { closeInherited, environmentText, limitsText, noRelayText, relayText } from './shell-text.ts';
import { SubagentSandbox } from './subagent-sandbox.ts';

export interface SandboxesOptions {
  isolation: Isolation;
  log: Log;
  /** What is not given is as in `DEFAULT_LIMITS`. */
  limits?: Partial<SandboxLimits>;
  /** Absolute paths outside /usr that every sandbox shows, read-only; the `bin` of each is on the PATH. Default: none. */
  readOnlyPaths?: readonly string[];
  /** Absolute path of bubblewrap; default: where systems have it. */
  bwrap?: string;
  /** Absolute path of socat, inside /usr; default: /usr/bin/socat. Without it shells have no network. */
  socat?: string;
}

const CHECK_TIMEOUT_MS = 15_000;
const BWRAP_PLACES = ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/bin/bwrap'];

/** One per worker. Throws a RangeError for a limit that is none. */
export function createSandboxes(options: SandboxesOptions): Sandboxes {
  return new HostSandboxes(options);
}

class HostSandboxes implements Sandboxes {
  private readonly options: SandboxesOptions;
  private readonly limits: SandboxLimits;
  private readonly readOnlyPaths: readonly string[];
  private readonly disk: DiskWatch;
  private readonly processes: ProcessWatch;
  private readonly pipes = new PipeStock();
  private readonly open = new Set<Sandbox>();
  private readonly ofPrograms = new Set<ControlGroup>();
  private groups: Promise<ControlGroups> | undefined;
  private checked: Promise<SandboxCheck> | undefined;

  constructor(options: SandboxesOptions) {
    this.options = options;
    this.limits = sandboxLimits(options.limits);
    this.readOnlyPaths = options.readOnlyPaths ?? [];
    this.disk = new DiskWatch(this.limits);
    this.processes = new ProcessWatch(this.limits.processes);
  }

  check(): Promise<SandboxCheck> {
    this.checked ??= this.tryOne();
    return this.checked;
  }

  create(options: SandboxOptions): Sandbox {
    const start = this.startShell.bind(this);
    const sandbox = new SubagentSandbox(options, start, (closed) => this.open.delete(closed));
    this.open.add(sandbox);
    return sandbox;
  }

  async confine(program: ConfinedProgram): ReturnType<Sandboxes['confine']> {
    if (this.options.isolation === 'none') return unconfinedCommand(program);
    await this.mustStart();
    const group = await this.newGroup();
    if (group) this.ofPrograms.add(group);
    const readOnlyPaths = [...this.readOnlyPaths, ...program.readOnlyPaths];
    return {
      ...confinedCommand({ ...program, readOnlyPaths }, { bwrap: this.bwrap, limits: this.limits, group }),
      release: async () => {
        if (group && this.ofPrograms.delete(group)) await group.remove();
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.open].map((sandbox) => sandbox.close()));
    await Promise.all([...this.ofPrograms].map((group) => group.remove()));
    this.ofPrograms.clear();
    await this.pipes.close();
  }

  private async tryOne(): Promise<SandboxCheck> {
    const { isolation, log } = this.options;
    if (isolation === 'none') return { ok: true, isolation };
    try {
      const shell = await this.shellIn(await this.confined([]), '', AbortSignal.timeout(CHECK_TIMEOUT_MS));
      const outcome = await shell.run('true', { timeoutMs: CHECK_TIMEOUT_MS, signal: new AbortController().signal });
      await shell.close();
      if (outcome.exitCode === 0) return { ok: true, isolation };
      return { ok: false, reason: `the sandbox starts, and no command runs in it: ${outcome.output}` };
    } catch (error) {
      const reason = withAdvice(error instanceof Error ? error.message : String(error));
      log.warn({ reason }, 'no sandbox starts here: commands are refused');
      return { ok: false, reason };
    }
  }

  private async startShell(options: SandboxOptions, kind: 'own' | 'apart', signal: AbortSignal): Promise<Shell> {
    const { root, egressSocket, env } = options;
    await this.mustStart();
    const isApart = kind === 'apart';
    const plan = await planBinds(isApart ? { ...options, writable: [root], readOnly: [] } : options);
    const began = { sinceMs: Date.now(), usedBytes: await usedBytes(root) };
    const parts =
      this.options.isolation === 'none'
        ? await this.unconfined(plan.directory)
        : await this.confined([
            ...(egressSocket === undefined ? [] : ['--ro-bind', egressSocket, EGRESS_SOCKET]),
            ...workspaceArguments(root, plan),
          ]);
    const shell = await this.shellIn(parts, environmentText(env) + this.wayOut(egressSocket), signal);
    this.pipes.refill();
    const { firstPid } = shell;
    const stop = this.disk.watch({
      root,
      directories: plan.writable,
      ...began,
      firstPid,
      end: () => shell.end('disk'),
    });
    void shell.gone.then(stop);
    await this.countProcesses(shell);
    return shell;
  }

  /** Where neither a control group nor the kernel's own limit does. */
  private async countProcesses(shell: Shell): Promise<void> {
    const isBounded = process.getuid?.() !== 0 || (await this.groups)?.controllers.has('pids') === true;
    if (isBounded || shell.firstPid === undefined) return;
    const stop = this.processes.watch({ firstPid: shell.firstPid, end: () => shell.end('memory') });
    void shell.gone.then(stop);
  }

  private async shellIn(parts: { box: Box; group: ControlGroup | undefined }, preamble: string, signal: AbortSignal) {
    const { limits } = this;
    const countsProcesses = this.options.isolation === 'bubblewrap';
    return Shell.start(
      { ...parts, limits, preamble: closeInherited + limitsText(limits, { countsProcesses }) + preamble },
      signal,
    );
  }

  private async confined(workspace: readonly string[]): Promise<{ box: Box; group: ControlGroup | undefined }> {
    const { readOnlyPaths, limits, bwrap } = this;
    const group = this.newGroup();
    group.catch(() => undefined);
    const args = [...systemArguments({ readOnlyPaths, limits }), ...workspace];
    try {
      const box = await openConfined({ bwrap, args, readOnlyPaths, pipes: this.pipes, group });
      return { box, group: await group };
    } catch (error) {
      const made = await group.catch(() => undefined);
      await made?.remove();
      throw error;
    }
  }

  private async unconfined(directory: string): Promise<{ box: Box; group: ControlGroup | undefined }> {
    const group = await this.newGroup();
    return { box: await openUnconfined(directory, { pipes: this.pipes, group }), group };
  }

  private async mustStart(): Promise<void> {
    const check = await this.check();
    if (!check.ok) throw new SandboxUnavailable(check.reason);
  }

  private async newGroup(): Promise<ControlGroup | undefined> {
    this.groups ??= ControlGroups.open(this.limits);
    const groups = await this.groups;
    return groups.controllers.size === 0 ? undefined : groups.create(this.limits);
  }

  private get bwrap(): string {
    const { bwrap } = this.options;
    const found = bwrap ?? BWRAP_PLACES.find(isExecutable);
    if (found !== undefined && isExecutable(found)) return found;
    throw new SandboxUnavailable(
      `bubblewrap is not installed (${bwrap ?? BWRAP_PLACES.join(', ')}): apt install bubblewrap`,
    );
  }

  private wayOut(egressSocket: string | undefined): string {
    if (egressSocket === undefined || this.options.isolation === 'none') return '';
    const { socat = '/usr/bin/socat' } = this.options;
    return isExecutable(socat) ? relayText(socat) : noRelayText;
  }
}

/** What operators do about the commonest reasons. */
function withAdvice(reason: string): string {
  if (!/namespace|uid map|Operation not permitted|No permissions/i.test(reason)) return reason;
  return (
    `${reason} (allow unprivileged user namespaces: sysctl kernel.unprivileged_userns_clone=1, ` +
    'kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces above 0; in a container a seccomp profile that allows them)'
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
