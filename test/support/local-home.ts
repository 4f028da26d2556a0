import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { readConfig, type Config } from '../../client/config.ts';
import type { DaemonKind } from '../../client/local/daemon.ts';
import { endDaemons, listDaemons } from '../../client/local/down.ts';
import { openStack, type StackOptions } from '../../client/local/open-stack.ts';
import { findSessionLeaders, isAlive } from '../../client/local/process-identity.ts';
import type { Stack } from '../../client/local/stack.ts';
import { TINY } from './tiny-entries.ts';

/** A home of the test's own, whose daemons end with it. */
export class LocalHome {
  readonly directory = mkdtempSync(join(tmpdir(), 'muster-local-'));
  /** With what shells, URLs and SQLite take for something else. */
  readonly home = join(this.directory, "a b?c=%20#d'é", '.muster');
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

  /** Pids of the living daemons of a kind, whether or not a file names them. */
  processes(kind: DaemonKind): number[] {
    return findSessionLeaders({ MUSTER_HOME: this.home, MUSTER_DAEMON: kind }).map(({ pid }) => pid);
  }

  /** Ends a daemon as a power cut would; it is gone when this resolves. */
  async kill(pid: number): Promise<void> {
    const { state } = listDaemons(this.home).find((daemon) => daemon.state.pid === pid)!;
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => isAlive(state)).toBe(false);
  }

  async end(): Promise<void> {
    for (const stack of this.#stacks) await stack[Symbol.asyncDispose]();
    // A server takes a second or two to end in peace, and nothing of this home is needed any more.
    for (const { state, isAlive } of listDaemons(this.home)) if (isAlive) process.kill(state.pid, 'SIGKILL');
    await endDaemons(this.home);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
