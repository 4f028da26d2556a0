import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../../activities/observe/log.ts';
import type { CommandOutcome, Sandbox, SandboxOptions, Sandboxes } from '../../../activities/sandbox/sandbox.ts';
import { createSandboxes, type SandboxesOptions } from '../../../activities/sandbox/sandboxes.ts';

export interface Opened {
  sandbox: Sandbox;
  /** Its workspace. */
  root: string;
  run(command: string, timeoutMs?: number): Promise<CommandOutcome>;
}

/** A worker's sandboxes, each with a workspace of its own; all gone at the end. */
export class SandboxWorld implements AsyncDisposable {
  readonly sandboxes: Sandboxes;
  readonly directory: string;
  private made = 0;

  private constructor(sandboxes: Sandboxes, directory: string) {
    this.sandboxes = sandboxes;
    this.directory = directory;
  }

  static async open(options: Partial<SandboxesOptions> = {}): Promise<SandboxWorld> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), 'muster-test-')));
    const log = createLog('silent');
    return new SandboxWorld(createSandboxes({ isolation: 'bubblewrap', log, ...options }), directory);
  }

  /** `paths` of the options are relative to the workspace here; all of it is writable unless said otherwise. */
  async create(files: Record<string, string> = {}, options: Partial<SandboxOptions> = {}): Promise<Opened> {
    const owner = `w${(++this.made).toString()}`;
    const root = join(this.directory, owner, 'root');
    await mkdir(root, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(root, name, '..'), { recursive: true });
      await writeFile(join(root, name), text);
    }
    const inRoot = (paths: readonly string[] = []): string[] => paths.map((path) => join(root, path));
    const sandbox = this.sandboxes.create({
      owner,
      root,
      env: {},
      ...options,
      directory: join(root, options.directory ?? ''),
      writable: inRoot(options.writable ?? ['']),
      readOnly: inRoot(options.readOnly),
      hidden: inRoot(options.hidden),
    });
    const run = (command: string, timeoutMs = 20_000): Promise<CommandOutcome> =>
      sandbox.run(command, { timeoutMs, signal: new AbortController().signal });
    return { sandbox, root, run };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sandboxes.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
