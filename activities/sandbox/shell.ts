import { randomBytes } from 'node:crypto';
import type { Box } from './box.ts';
import { CommandStream } from './command-stream.ts';
import type { ControlGroup } from './control-groups.ts';
import type { SandboxLimits } from './limits.ts';
import { type CommandOptions, type CommandOutcome, SandboxUnavailable } from './sandbox.ts';
import { commandText, endText } from './shell-text.ts';

type EndedBy = NonNullable<CommandOutcome['endedBy']>;

const STARTS_WITHIN_MS = 15_000;

export interface ShellParts {
  box: Box;
  limits: SandboxLimits;
  group: ControlGroup | undefined;
  /** What runs before its first command. */
  preamble: string;
}

/** One bash: runs a command at a time, and is gone for good once it has ended or was ended. */
export class Shell {
  private readonly box: Box;
  private readonly group: ControlGroup | undefined;
  private readonly stream: CommandStream;
  /** Its exit code, once all its processes are gone; null: it was ended. */
  readonly gone: Promise<number | null>;
  readonly firstPid: number | undefined;
  private endedBy: EndedBy | undefined;
  private isGone = false;
  private lastKills = 0;
  /** What was printed before the first command, and is shown with it. */
  private greeting = '';

  private constructor({ box, limits, group }: ShellParts) {
    this.box = box;
    this.group = group;
    this.firstPid = box.first?.pid;
    const sizes = { keptBytes: limits.keptOutputBytes, limitBytes: limits.outputBytes };
    this.stream = new CommandStream(sizes, () => this.end('output'));
    box.output.on('data', (chunk: Buffer) => this.stream.add(chunk));
    const drained = new Promise<void>((resolve) => box.output.once('close', resolve));
    this.gone = box.gone.then(async (code) => {
      await drained;
      this.lastKills = this.oomKills;
      this.isGone = true;
      await group?.remove();
      return code;
    });
  }

  /** Rejects with `SandboxUnavailable` where it dies before it is ready, for `signal` ends it too. */
  static async start(parts: ShellParts, signal: AbortSignal): Promise<Shell> {
    const shell = new Shell(parts);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(STARTS_WITHIN_MS)]);
    const stop = (): void => shell.end('timeout');
    limit.addEventListener('abort', stop, { once: true });
    if (limit.aborted) stop();
    const nonce = newNonce();
    const code = await shell.until(nonce, parts.preamble + endText(nonce));
    limit.removeEventListener('abort', stop);
    if (!shell.isAlive) await shell.gone;
    const { output } = shell.stream.take();
    shell.greeting = output;
    if (shell.isAlive) return shell;
    throw new SandboxUnavailable(output.trim() || `its shell ended at the start (exit code ${String(code)})`);
  }

  get isAlive(): boolean {
    return !this.isGone && this.endedBy === undefined;
  }

  /** Never rejects: `isAborted` tells the caller whose wish it was. All processes are gone when the command was ended. */
  async run(command: string, { timeoutMs, signal }: CommandOptions): Promise<Omit<CommandOutcome, 'isNewShell'>> {
    const started = performance.now();
    const kills = this.oomKills;
    const timer = setTimeout(() => this.end('timeout'), timeoutMs);
    const abort = (): void => this.end('death');
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const nonce = newNonce();
      const exitCode = await this.until(nonce, commandText(command, nonce));
      const isStarved = exitCode !== 0 && this.oomKills > kills;
      const endedBy = isStarved ? 'memory' : (this.endedBy ?? (exitCode === null ? 'death' : undefined));
      return {
        exitCode: endedBy === undefined ? exitCode : null,
        ...(endedBy && { endedBy }),
        ...this.taken(),
        durationMs: performance.now() - started,
      };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Ends all its processes; the command under way is told why. */
  end(why: EndedBy): void {
    this.endedBy ??= why;
    this.box.kill();
  }

  /** Resolves once all its processes are gone. Safe to call twice. */
  async close(): Promise<void> {
    this.end('death');
    await this.gone;
  }

  private taken(): Pick<CommandOutcome, 'output' | 'outputBytes'> {
    const { output, outputBytes } = this.stream.take();
    const { greeting } = this;
    this.greeting = '';
    return { output: greeting + output, outputBytes: greeting.length + outputBytes };
  }

  /** The kernel's count, which goes with the group. */
  private get oomKills(): number {
    return this.isGone ? this.lastKills : (this.group?.oomKills ?? 0);
  }

  /** The exit code of what `text` runs; of the shell itself, when that ended first. */
  private async until(nonce: string, text: string): Promise<number | null> {
    const said = new Promise<number>((resolve) => this.stream.await(nonce, resolve));
    this.box.input.write(text);
    const code = await Promise.race([said, this.gone]);
    return this.endedBy === undefined ? code : this.gone;
  }
}

const newNonce = (): string => randomBytes(16).toString('hex');
