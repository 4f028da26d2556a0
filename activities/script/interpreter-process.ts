import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { interpreterProgram, type Launch } from './launch.ts';
import { MAX_CALL_CHARS, MAX_VALUE_CHARS, type ScriptLimits } from './limits.ts';
import { processorTimeMs } from './process-time.ts';
import { ChildLine, type Opening, type Round, type ScriptCall, type Turn } from './protocol.ts';

/** The interpreter is gone, and why: its time was up, it had no memory left, or nobody knows. */
export class InterpreterLost extends Error {
  override name = 'InterpreterLost';
  readonly by: 'time' | 'memory' | 'death';

  constructor(by: InterpreterLost['by'], message: string) {
    super(message);
    this.by = by;
  }
}

const LAST_WORDS_CHARS = 2_000;
/** Of one round: what calls and a value may hold, each character as up to six in JSON. */
const MOST_BYTES = 6 * (MAX_CALL_CHARS + MAX_VALUE_CHARS);

type Child = ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable };

/** One child process with one script. Whoever starts it closes it. */
export class InterpreterProcess {
  readonly #child: Child;
  readonly #limits: ScriptLimits;
  readonly #exited: Promise<unknown>;
  #lastWords = '';
  #bytes = 0;
  #usedMs = 0;
  #endedBy: InterpreterLost['by'] | undefined;
  #onLine: ((line: ChildLine) => void) | undefined;
  #onLost: (() => void) | undefined;

  /** Resolves once the engine stands. Rejects with `InterpreterLost`, or with what `launch` says. */
  static async start(launch: Launch, limits: ScriptLimits, opening: Opening): Promise<InterpreterProcess> {
    const { command, args, env, release } = await launch(interpreterProgram());
    // A group of its own: a terminal's Ctrl-C is not for it, and whatever is above it ends with it.
    const child = spawn(command, args, { env, stdio: 'pipe', detached: true, cwd: '/' });
    const started = new InterpreterProcess(child, limits, release);
    try {
      await started.#exchange(opening, limits.startMs, () => undefined);
      return started;
    } catch (error) {
      await started.close();
      throw error;
    }
  }

  private constructor(child: Child, limits: ScriptLimits, release: (() => Promise<void>) | undefined) {
    this.#child = child;
    this.#limits = limits;
    this.#exited = once(child, 'exit')
      .catch(() => undefined)
      // What cannot be given back now is when the worker ends.
      .then(() => release?.().catch(() => undefined));
    child.on('error', (error) => this.#lose(error.message));
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-LAST_WORDS_CHARS);
    });
    child.stdout.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes > MOST_BYTES) this.#kill('memory');
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line));
    child.once('close', () => this.#lose());
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#endedBy === undefined;
  }

  /** One at a time. Calls come as they are made, before the round. Rejects with `InterpreterLost`. */
  async turn(turn: Turn, onCall: (call: ScriptCall) => void): Promise<Round> {
    if (turn.isFirst) this.#usedMs = 0;
    const beganAt = performance.now();
    try {
      const line = await this.#exchange(turn, this.#limits.exchangeMs - this.#usedMs, onCall);
      if ('round' in line) return line.round;
      throw new InterpreterLost('death', 'the interpreter answered out of turn');
    } finally {
      this.#usedMs += performance.now() - beganAt;
    }
  }

  /** Ends it and resolves once it is gone. Safe to call twice. */
  async close(): Promise<void> {
    this.#kill('death');
    await this.#exited;
  }

  async #exchange(message: Opening | Turn, withinMs: number, onCall: (call: ScriptCall) => void): Promise<ChildLine> {
    const { promise, resolve, reject } = Promise.withResolvers<ChildLine>();
    this.#bytes = 0;
    this.#onLine = (line) => ('call' in line ? onCall(line.call) : resolve(line));
    this.#onLost = () => reject(this.#lost());
    const stop = this.#limit(withinMs);
    try {
      if (!this.isAlive) throw this.#lost();
      this.#child.stdin.write(`${JSON.stringify(message)}\n`);
      return await promise;
    } finally {
      stop();
      this.#onLine = this.#onLost = undefined;
    }
  }

  /** Its time is up when it was at work for it; a host that is busy otherwise gives it more. */
  #limit(withinMs: number): () => void {
    const { starvedMs } = this.#limits;
    const beganAt = performance.now();
    const beganUsed = this.#processorMs();
    const look = (): void => {
      const passedMs = performance.now() - beganAt;
      const used = this.#processorMs();
      const isStarved = used !== undefined && beganUsed !== undefined && used - beganUsed < passedMs / 2;
      if (!isStarved || passedMs >= starvedMs) this.#kill('time');
      else timer = setTimeout(look, Math.max(1, withinMs));
    };
    let timer = setTimeout(look, Math.max(1, withinMs));
    return () => clearTimeout(timer);
  }

  #processorMs(): number | undefined {
    return this.#child.pid === undefined ? undefined : processorTimeMs(this.#child.pid);
  }

  #read(text: string): void {
    const line = ChildLine.safeParse(parsed(text));
    if (line.success) this.#onLine?.(line.data);
    else this.#kill('death');
  }

  #lose(why?: string): void {
    if (why !== undefined) this.#lastWords = why;
    this.#onLost?.();
  }

  #lost(): InterpreterLost {
    const isFull = /out of memory|allocation failed|bad_alloc|cannot allocate/i.test(this.#lastWords);
    const by = this.#endedBy ?? (isFull ? 'memory' : 'death');
    return new InterpreterLost(by, this.#lastWords.trim() || 'it ended without a word');
  }

  #kill(by: InterpreterLost['by']): void {
    if (!this.isAlive || this.#child.pid === undefined) return;
    this.#endedBy = by;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // It has just gone by itself.
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
