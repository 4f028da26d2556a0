import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import type { SimulatedStats } from '../../client/simulated/journal.ts';
import { fleetWorkflowId } from '../../workflows/contract/ids.ts';
import type { DaemonFile } from '../../workflows/contract/home.ts';
import { cpuMs, processesOf, residentBytes } from './process-usage.ts';

const MUSTER = fileURLToPath(new URL('../../bin/muster.js', import.meta.url));
const PEER = fileURLToPath(new URL('./p-limit-peer.ts', import.meta.url));
const run = promisify(execFile);

export interface FleetOf {
  count: number;
  turns: number;
  /** As in a `[[simulate latency=…]]` directive. */
  latency: string;
  concurrency: number;
}

export interface Measured {
  wallMs: number;
  /** From the command to the provider's first call. */
  firstCallMs: number;
  turns: number;
  /** Server, workers and CLI; the simulated Claude apart. */
  cpuMs: number;
  simulatedCpuMs: number;
  /** The parts of `cpuMs`. */
  serverCpuMs: number;
  workerCpuMs: number;
  cliCpuMs: number;
  /** Largest sum of resident memory over all processes but the simulated Claude. */
  peakBytes: number;
  id: string;
  exitCode: number | null;
  slowestStatusMs: number;
  census: Record<string, number>;
  /** What its script returned, or its parent said last. */
  result?: unknown;
}

interface Observed {
  /** Measures `muster status` all the while. */
  asksStatus?: boolean;
  meanwhile?: (over: AbortSignal) => Promise<unknown>;
}

/** One warm stack in a home of its own, driven through the command line as a user would. */
export class BenchStack implements AsyncDisposable {
  readonly home: string;
  private readonly directory: string;
  private readonly env: NodeJS.ProcessEnv;

  private constructor(directory: string) {
    this.directory = directory;
    this.home = join(directory, 'home');
    this.env = { ...process.env, MUSTER_HOME: this.home, NO_COLOR: '1' };
  }

  static async start(): Promise<BenchStack> {
    const stack = new BenchStack(await mkdtemp(join(tmpdir(), 'muster-bench-')));
    await mkdir(join(stack.directory, 'files'));
    await writeFile(join(stack.directory, 'files', 'notes.txt'), 'Nothing of note.\n');
    await stack.muster('up', '--simulate');
    return stack;
  }

  async muster(...args: string[]): Promise<string> {
    return (await run(process.execPath, [MUSTER, ...args], { env: this.env, cwd: join(this.directory, 'files') }))
      .stdout;
  }

  async simulatedUrl(): Promise<string> {
    const { address } = JSON.parse(await readFile(join(this.home, 'run/simulated.json'), 'utf8')) as DaemonFile;
    return address!.startsWith('http') ? address! : `http://${address!}`;
  }

  /** Events in the history of each run of a fleet's root, oldest first. */
  async rootEvents(id: string): Promise<number[]> {
    const { address } = JSON.parse(await readFile(join(this.home, 'run/server.json'), 'utf8')) as DaemonFile;
    const connection = await Connection.connect({ address: address! });
    try {
      const { workflow } = new Client({ connection });
      const runs = await Array.fromAsync(workflow.list({ query: `WorkflowId = "${fleetWorkflowId(id)}"` }));
      const lengths = runs.reverse().map(({ runId }) => workflow.getHandle(fleetWorkflowId(id), runId).describe());
      return (await Promise.all(lengths)).map(({ historyLength }) => historyLength);
    } finally {
      await connection.close();
    }
  }

  async stats(): Promise<SimulatedStats> {
    return (await (await fetch(`${await this.simulatedUrl()}/__simulated/stats`)).json()) as SimulatedStats;
  }

  /** Runs one fleet to its end. `asksStatus`: measures `muster status` all the while. */
  async fleet({ count, turns, latency, concurrency }: FleetOf, asksStatus = false): Promise<Measured> {
    const file = join(this.directory, 'tasks.json');
    const nonce = Date.now().toString(36);
    // One Read a turn; a search would start a process, which costs more than the rest of the turn.
    const read = `[[simulate call=Read input='{"file_path":"notes.txt"}']]`;
    const reads = Array.from({ length: turns - 1 }, () => read).join(' ');
    const tasks = Array.from({ length: count }, (_, i) => ({
      prompt: `[[simulate turns=${turns.toString()} latency=${latency} seed=a${i.toString()}]] ${reads} Work ${nonce} ${i.toString()}`,
      working_directory: 'files',
      permissions: 'read-only',
    }));
    await writeFile(file, JSON.stringify({ tasks }));
    return this.measured([file, '--concurrency', concurrency.toString()], { asksStatus });
  }

  /** Writes a file beside the workspace; its path. */
  async file(name: string, content: string): Promise<string> {
    const path = join(this.directory, name);
    await writeFile(path, content);
    return path;
  }

  /** One `muster run` to its end. `meanwhile` is started with it; it hears when the run is over. */
  async measured(args: readonly string[], { asksStatus = false, meanwhile }: Observed = {}): Promise<Measured> {
    const before = await this.stats();
    const cpuBefore = this.usage();
    const startedAt = Date.now();
    const cli = spawn(process.execPath, [MUSTER, 'run', ...args, '--simulate', '--fresh', '--output-format', 'json'], {
      env: this.env,
      cwd: join(this.directory, 'files'),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const over = new AbortController();
    const other = meanwhile?.(over.signal);
    const output = text(cli.stdout);
    const peak = { bytes: 0, cliCpuMs: 0, firstCallMs: 0, slowestStatusMs: 0 };
    const watching = this.observe(cli.pid!, before.calls, startedAt, peak, asksStatus);
    const [exitCode] = (await once(cli, 'exit')) as [number | null];
    const wallMs = Date.now() - startedAt;
    watching.stop();
    over.abort();
    await other;
    const after = await this.stats();
    const cpuAfter = this.usage();
    const whole = JSON.parse(await output) as Pick<Measured, 'id' | 'census' | 'result'>;
    return {
      wallMs,
      firstCallMs: peak.firstCallMs,
      turns: after.answered - before.answered,
      cpuMs: cpuAfter.server - cpuBefore.server + cpuAfter.worker - cpuBefore.worker + peak.cliCpuMs,
      simulatedCpuMs: cpuAfter.simulated - cpuBefore.simulated,
      serverCpuMs: cpuAfter.server - cpuBefore.server,
      workerCpuMs: cpuAfter.worker - cpuBefore.worker,
      cliCpuMs: peak.cliCpuMs,
      peakBytes: peak.bytes,
      exitCode,
      slowestStatusMs: peak.slowestStatusMs,
      id: whole.id,
      census: whole.census,
      result: whole.result,
    };
  }

  /** Kills the worker once so many calls were answered since now; resolves with whether it did before `over`. */
  async killWorkerAfter(calls: number, over: AbortSignal): Promise<boolean> {
    const before = (await this.stats()).answered;
    while (!over.aborted) {
      if ((await this.stats()).answered - before >= calls) {
        for (const { pid, command } of processesOf(this.home))
          if (command.includes(' worker ')) process.kill(pid, 'SIGKILL');
        return true;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return false;
  }

  async peer({ count, turns, latency, concurrency }: FleetOf): Promise<{ wallMs: number; cpuMs: number }> {
    const args = [PEER, await this.simulatedUrl(), count, turns, latency, concurrency].map(String);
    return JSON.parse((await run(process.execPath, args)).stdout) as { wallMs: number; cpuMs: number };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.muster('down');
    await rm(this.directory, { recursive: true, force: true });
  }

  private usage(): { simulated: number; server: number; worker: number } {
    const sums = { simulated: 0, server: 0, worker: 0 };
    for (const { pid, command } of processesOf(this.home)) {
      if (command.includes('/simulated/')) sums.simulated += cpuMs(pid);
      else if (command.includes('start-dev')) sums.server += cpuMs(pid);
      else if (command.includes(' worker ')) sums.worker += cpuMs(pid);
    }
    return sums;
  }

  private observe(
    cli: number,
    callsBefore: number,
    startedAt: number,
    peak: { bytes: number; cliCpuMs: number; firstCallMs: number; slowestStatusMs: number },
    asksStatus: boolean,
  ): { stop(): void } {
    let isOver = false;
    const sample = async (): Promise<void> => {
      while (!isOver) {
        peak.cliCpuMs = Math.max(peak.cliCpuMs, cpuMs(cli));
        const all = processesOf(this.home).filter(({ command }) => !command.includes('/simulated/'));
        peak.bytes = Math.max(
          peak.bytes,
          all.reduce((sum, { pid }) => sum + residentBytes(pid), 0),
        );
        if (peak.firstCallMs === 0) {
          const { calls, lastCallAtMs } = await this.stats();
          if (calls > callsBefore) peak.firstCallMs = lastCallAtMs! - startedAt;
        }
        await new Promise((resolve) => setTimeout(resolve, peak.firstCallMs === 0 ? 20 : 500));
      }
    };
    const ask = async (): Promise<void> => {
      while (!isOver && asksStatus) {
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        const askedAt = performance.now();
        await this.muster('status', '@latest', '--output-format', 'json').catch(() => undefined);
        peak.slowestStatusMs = Math.max(peak.slowestStatusMs, performance.now() - askedAt);
      }
    };
    void sample();
    void ask();
    return { stop: () => (isOver = true) };
  }
}
