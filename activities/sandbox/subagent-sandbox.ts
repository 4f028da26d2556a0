import {
  type CommandOptions,
  type CommandOutcome,
  type Sandbox,
  type SandboxOptions,
  SandboxUnavailable,
} from './sandbox.ts';
import type { Shell } from './shell.ts';

/** `apart`: all of the workspace is writable. Rejects with `SandboxUnavailable`; `signal` ends a start that is slow. */
export type StartShell = (options: SandboxOptions, kind: 'own' | 'apart', signal: AbortSignal) => Promise<Shell>;

/** One subagent's: a long-lived shell, started by its first command and again by the first after it was lost. */
export class SubagentSandbox implements Sandbox {
  private readonly options: SandboxOptions;
  private readonly startShell: StartShell;
  private readonly onClose: (sandbox: Sandbox) => void;
  private readonly closing = new AbortController();
  private readonly shells = new Set<Shell>();
  private shell: Shell | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: SandboxOptions, startShell: StartShell, onClose: (sandbox: Sandbox) => void) {
    this.options = options;
    this.startShell = startShell;
    this.onClose = onClose;
  }

  run(command: string, options: CommandOptions): Promise<CommandOutcome> {
    return this.inTurn(options.signal, async () => {
      const isNewShell = this.shell?.isAlive !== true;
      if (isNewShell) {
        await this.end(this.shell);
        this.shell = await this.start('own', options.signal);
      }
      return { ...(await this.runIn(this.shell!, command, options)), isNewShell };
    });
  }

  runApart(command: string, options: CommandOptions): Promise<CommandOutcome> {
    return this.inTurn(options.signal, async () => {
      const shell = await this.start('apart', options.signal);
      try {
        return { ...(await this.runIn(shell, command, options)), isNewShell: true };
      } finally {
        await this.end(shell);
      }
    });
  }

  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all([...this.shells].map((shell) => this.end(shell)));
    await this.last;
    this.onClose(this);
  }

  /** One command after another: what a shell may bind is looked at while none of them runs. */
  private async inTurn<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const before = this.last;
    const done = Promise.withResolvers<void>();
    this.last = before.then(() => done.promise);
    try {
      await orAborted(before, signal);
      return await run();
    } finally {
      done.resolve();
    }
  }

  private async runIn(
    shell: Shell,
    command: string,
    options: CommandOptions,
  ): Promise<Omit<CommandOutcome, 'isNewShell'>> {
    if (command.includes('\0')) throw new TypeError('a command cannot hold a NUL');
    const outcome = await shell.run(command, options);
    if (!options.signal.aborted) return outcome;
    await this.end(shell);
    throw options.signal.reason;
  }

  private async start(kind: 'own' | 'apart', signal: AbortSignal): Promise<Shell> {
    const closed = this.closing.signal;
    if (closed.aborted) throw new SandboxUnavailable('it is closed');
    const shell = await this.startShell(this.options, kind, AbortSignal.any([signal, closed])).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        throw error;
      },
    );
    this.shells.add(shell);
    if (closed.aborted) await this.end(shell);
    return shell;
  }

  private async end(shell: Shell | undefined): Promise<void> {
    await shell?.close();
    if (shell) this.shells.delete(shell);
  }
}

/** As the promise, but rejects with the signal's reason when that comes first. */
function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([aborted.promise, promise]).finally(() => signal.removeEventListener('abort', abort));
}
