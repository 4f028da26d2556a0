import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const PROGRAM = fileURLToPath(new URL('../../bin/muster.js', import.meta.url));

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A directory in which the real program is run as a process, with a home of its own and no credential. */
export class MusterGround implements AsyncDisposable {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'muster-cli-')));
  readonly home = join(this.path, 'home');

  constructor(files: Record<string, string> = {}) {
    for (const [name, content] of Object.entries(files)) this.write(name, content);
  }

  write(name: string, content: string): void {
    const path = join(this.path, 'work', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  get directory(): string {
    mkdirSync(join(this.path, 'work'), { recursive: true });
    return join(this.path, 'work');
  }
  /** Whether anything was created by a run: a home, artifacts, daemons. */
  get hasHome(): boolean {
    return readdirSync(this.path).includes('home');
  }

  start(
    args: readonly string[],
    { env = {}, stdin = '' }: { env?: Record<string, string>; stdin?: string } = {},
  ): ChildProcess {
    const environment = { ...process.env, NO_COLOR: '', CLICOLOR_FORCE: '', MUSTER_HOME: this.home, ...env };
    for (const key of ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_BASE_URL', 'TEMPORAL_ADDRESS'])
      if (!(key in env)) delete (environment as Record<string, string>)[key];
    const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: this.directory, env: environment });
    child.stdin.end(stdin);
    return child;
  }

  async run(args: readonly string[], options: { env?: Record<string, string>; stdin?: string } = {}): Promise<Ran> {
    return ended(this.start(args, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasHome) await this.run(['down']);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What a started program said and how it ended. */
export async function ended(child: ChildProcess): Promise<Ran> {
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
  return { code: child.exitCode, stdout, stderr };
}
