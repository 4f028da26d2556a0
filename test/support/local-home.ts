import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig, type Config } from '../../client/config.ts';
import { endDaemons, listDaemons } from '../../client/local/down.ts';
import { openStack, type StackOptions } from '../../client/local/open-stack.ts';
import type { Stack } from '../../client/local/stack.ts';

/** Programs as small as can be in the place of worker and simulated Claude. */
export const TINY = {
  worker: join(import.meta.dirname, 'tiny-worker.ts'),
  simulated: join(import.meta.dirname, 'tiny-simulated.ts'),
};

/** A home of the test's own, whose daemons end with it. */
export class LocalHome {
  readonly directory = mkdtempSync(join(tmpdir(), 'muster-local-'));
  readonly home = join(this.directory, '.muster');
  readonly said: string[] = [];
  readonly #stacks: Stack[] = [];

  /** The machine's environment without what would lead elsewhere. */
  environment(more: Record<string, string> = {}): Record<string, string | undefined> {
    const kept = Object.entries(process.env).filter(([key]) => !/^(TEMPORAL_ADDRESS|ANTHROPIC_|MUSTER_HOME)/.test(key));
    return { ...Object.fromEntries(kept), MUSTER_HOME: this.home, ...more };
  }

  config(more: Record<string, string> = {}): Config {
    return readConfig(this.environment(more), this.directory);
  }

  async open(options: Partial<StackOptions> & { env?: Record<string, string> } = {}): Promise<Stack> {
    const { env, ...rest } = options;
    const onProgress = (line: string): void => void this.said.push(line);
    const stack = await openStack(this.config(env), { onProgress, entries: TINY, ...rest });
    this.#stacks.push(stack);
    return stack;
  }

  /** Pid of the living daemon whose file has this name. */
  pid(file: string): number {
    const found = listDaemons(this.home).find((daemon) => daemon.file === file && daemon.isAlive);
    if (!found) throw new Error(`no ${file} lives`);
    return found.state.pid;
  }

  async end(): Promise<void> {
    for (const stack of this.#stacks) await stack[Symbol.asyncDispose]();
    // A server takes a second or two to end in peace, and nothing of this home is needed any more.
    for (const { state, isAlive } of listDaemons(this.home)) if (isAlive) process.kill(state.pid, 'SIGKILL');
    await endDaemons(this.home);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
