import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { type JSONRPCMessage, type Transport, parseJSONRPCMessage } from '@modelcontextprotocol/client';
import type { McpLimits } from './limits.ts';
import { Pace } from './pace.ts';

const GRACE_MS = 500;
const STDERR_CHARS = 2_000;
const NEWLINE = 10;
const BRACE = 123;

interface Program {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

/**
 * MCP over the standard streams of a program that is not trusted. The SDK's own transport keeps all that comes without a
 * line end in memory, copies it with each chunk, reads as fast as it can parse, hands on our environment and waits up to
 * four seconds for a program that will not go; this one does not.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #program: Program;
  readonly #limits: McpLimits;
  #child: (ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable }) | undefined;
  #line: Uint8Array[] = [];
  #lineBytes = 0;
  #stderr = '';
  #fault: string | undefined;

  constructor(program: Program, limits: McpLimits) {
    this.#program = program;
    this.#limits = limits;
  }

  /** These two are how the SDK knows a transport to a program (one that may keep silent) from one to a host. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get stderr(): null {
    return null;
  }

  /** Why it was ended, if it was us; else what it said last on its error stream. For people; may hold secrets. */
  get lastWords(): string {
    return this.#fault ?? this.#stderr.trim();
  }

  async start(): Promise<void> {
    const { command, args, env } = this.#program;
    // A group of its own: whatever it starts ends with it.
    const child = spawn(command, args, { env, stdio: 'pipe', detached: true });
    this.#child = child;
    const pace = new Pace(this.#limits);
    child.stdin.on('error', (error) => this.onerror?.(error));
    child.stdout.on('data', (chunk: Buffer) => {
      this.#read(chunk);
      const waitMs = pace.read(chunk);
      if (waitMs === 0) return;
      child.stdout.pause();
      setTimeout(() => child.stdout.resume(), waitMs).unref();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-STDERR_CHARS);
    });
    child.once('exit', () => this.#end());
    await once(child, 'spawn');
    child.on('error', (error) => this.onerror?.(error));
  }

  /** Resolves once the message is in the pipe's hands; rejects where there is none. */
  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (!stdin?.writable) throw new Error('the server has ended');
    if (!stdin.write(`${JSON.stringify(message)}\n`)) await once(stdin, 'drain');
  }

  /** Ends it and all it has started, politely for half a second. Safe to call twice. */
  async close(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const isRunning = child.exitCode === null && child.signalCode === null;
    const gone = isRunning ? once(child, 'exit') : undefined;
    child.stdin.end();
    const timer = setTimeout(() => killGroup(child), GRACE_MS);
    await gone;
    clearTimeout(timer);
    this.#end();
  }

  #end(): void {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    // Those it has left behind.
    killGroup(child);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    this.#line = [];
    this.onclose?.();
  }

  #read(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([...this.#line, chunk.subarray(from, at)]);
      this.#line = [];
      this.#lineBytes = 0;
      from = at + 1;
      this.#message(line);
    }
    if (from < chunk.length) this.#line.push(chunk.subarray(from));
    this.#lineBytes += chunk.length - from;
    if (this.#lineBytes <= this.#limits.messageBytes) return;
    this.#fault = `it was ended: one message had more than ${this.#limits.messageBytes} bytes`;
    if (this.#child) killGroup(this.#child);
  }

  /** What is no message is passed over: many programs greet on their standard output. */
  #message(line: Buffer): void {
    if (line[0] !== BRACE) return;
    let message: JSONRPCMessage;
    try {
      message = parseJSONRPCMessage(JSON.parse(line.toString('utf8')));
    } catch {
      return;
    }
    this.onmessage?.(message);
  }
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}
