import { ProtocolError, SdkError, SdkErrorCode, type Transport } from '@modelcontextprotocol/client';
import type { Log } from '../observe/log.ts';
import { CallLimiter } from './call-limiter.ts';
import { type Connection, connect } from './connection.ts';
import { contentOf, cut } from './content.ts';
import type { ServerTools } from './definitions.ts';
import type { McpLimits } from './limits.ts';
import { McpUnavailable } from './mcp.ts';
import { pause, untilAborted } from './waiting.ts';

export interface InstanceOptions {
  server: string;
  launch: () => Promise<Transport>;
  limits: McpLimits;
  log: Log;
  /** What its last life said on the way out, fit for a log. */
  lastWords: () => string;
}

export interface CallResult {
  content: string;
  isError: boolean;
}

const MAX_ERROR_CHARS = 2_000;
/** A longer pause than this is not waited for: who asks learns how long it takes. */
const PATIENCE_MS = 2_000;
const LIST_GAP_MS = 1_000;
/** So many calls in a row without an answer: it hangs, and is started anew. */
const MAX_TIMEOUTS = 3;

/** One server of this worker, shared by all whose tasks name it; started on first use, and again when it has died. */
export class ServerInstance {
  readonly #options: InstanceOptions;
  readonly #limiter: CallLimiter;
  readonly #life = new AbortController();
  #connection: Promise<Connection> | undefined;
  #refreshing: Promise<void> | undefined;
  #seen: ServerTools | undefined;
  #failures = 0;
  #timeouts = 0;
  #restAtMs = 0;
  #listedAtMs = -LIST_GAP_MS;
  #callsInFlight = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.#limiter = new CallLimiter(options.limits);
  }

  /** Its tools as last listed; undefined before the first time. */
  get seen(): ServerTools | undefined {
    return this.#seen;
  }

  /** Its tools as they are. Starts it where need be. Rejects with `McpUnavailable` or `signal.reason`. */
  async tools(signal: AbortSignal): Promise<ServerTools> {
    return (await untilAborted(this.#ready(), signal)).tools;
  }

  /**
   * Calls one tool by the server's own name, once its turn has come and `objection` has nothing against the tools as they
   * then are. A call is never made twice. Rejects with `signal.reason` only.
   */
  async call(
    tool: string,
    input: Record<string, unknown>,
    signal: AbortSignal,
    objection: (tools: ServerTools) => string | undefined,
  ): Promise<CallResult> {
    this.#callsInFlight += 1;
    try {
      return await this.#limiter.run(signal, async () => {
        const connection = await untilAborted(this.#ready(), signal);
        const against = objection(connection.tools);
        if (against !== undefined) return { content: against, isError: true };
        return await this.#callOn(connection, tool, input, signal);
      });
    } catch (error) {
      signal.throwIfAborted();
      return { content: messageOf(error), isError: true };
    } finally {
      this.#callsInFlight -= 1;
      this.#restLater();
    }
  }

  /** Ends it for good. Safe to call twice. */
  async close(): Promise<void> {
    this.#life.abort(new McpUnavailable('the worker is ending'));
    clearTimeout(this.#idle);
    await this.#drop();
  }

  async #callOn(
    { client }: Connection,
    name: string,
    input: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<CallResult> {
    const { callMs, answerChars } = this.#options.limits;
    try {
      const result = await client.callTool(
        { name, arguments: input },
        { timeout: callMs, maxTotalTimeout: callMs, signal },
      );
      this.#failures = 0;
      this.#timeouts = 0;
      return contentOf(result, answerChars);
    } catch (error) {
      signal.throwIfAborted();
      return { content: await this.#failed(error), isError: true };
    }
  }

  /** What the model reads about a call that came to nothing; an answer of the server's own is no failure of the server. */
  async #failed(error: unknown): Promise<string> {
    const { server, limits, log } = this.#options;
    const isAnswer = error instanceof ProtocolError;
    if (isAnswer) return cut(`The MCP server ${server} refused the call: ${error.message}`, MAX_ERROR_CHARS);
    const code = error instanceof SdkError ? error.code : undefined;
    log.warn({ server, code, err: error }, 'MCP call failed');
    if (code === SdkErrorCode.RequestTimeout) {
      this.#timeouts += 1;
      if (this.#timeouts >= MAX_TIMEOUTS) await this.#drop();
      return `The MCP server ${server} did not answer within ${limits.callMs / 1000} s; whether it did what was asked is not known.`;
    }
    if (code !== SdkErrorCode.ConnectionClosed) await this.#drop();
    return `The MCP server ${server} ended during the call; whether it did what was asked is not known.`;
  }

  async #ready(): Promise<Connection> {
    this.#life.signal.throwIfAborted();
    this.#connection ??= this.#start();
    const connection = await this.#connection;
    if (connection.isStale || this.#refreshing) await this.#refresh(connection);
    this.#restLater();
    return connection;
  }

  async #start(): Promise<Connection> {
    const { server, limits, log, launch, lastWords } = this.#options;
    try {
      await this.#backOff();
      const connection = await connect({
        server,
        launch,
        limits,
        onChanged: (changed) => this.#changed(changed),
        onClosed: (closed) => this.#died(closed),
      });
      if (this.#life.signal.aborted) await connection.close();
      this.#life.signal.throwIfAborted();
      this.#seen = connection.tools;
      log.info({ server, tools: connection.tools.tools.size, hash: connection.tools.hash }, 'MCP server started');
      return connection;
    } catch (error) {
      this.#connection = undefined;
      if (error instanceof McpUnavailable) throw error;
      this.#failedOnce();
      log.warn({ server, err: error, lastWords: lastWords() }, 'MCP server does not start');
      throw new McpUnavailable(`The MCP server ${server} does not start: ${messageOf(error)}.`, { cause: error });
    }
  }

  async #backOff(): Promise<void> {
    const waitMs = this.#restAtMs - performance.now();
    if (waitMs <= 0) return;
    if (waitMs <= PATIENCE_MS) return pause(waitMs, this.#life.signal);
    const seconds = Math.ceil(waitMs / 1_000);
    throw new McpUnavailable(
      `The MCP server ${this.#options.server} has failed (${this.#failures} in a row) and rests for ${seconds} s more.`,
    );
  }

  #failedOnce(): void {
    const { firstBackOffMs, backOffMs } = this.#options.limits;
    this.#failures += 1;
    const restMs = Math.min(backOffMs, firstBackOffMs * 2 ** (this.#failures - 1));
    this.#restAtMs = performance.now() + restMs;
  }

  /** It ended by itself. */
  #died(connection: Connection): void {
    const { server, log, lastWords } = this.#options;
    void this.#connection?.then(
      (current) => {
        if (current !== connection) return;
        this.#connection = undefined;
        this.#failedOnce();
        log.warn({ server, lastWords: lastWords() }, 'MCP server ended');
      },
      () => undefined,
    );
  }

  /** Looks again at once, but not at every cry of one that cries all the time: then the next call does. */
  #changed(connection: Connection): void {
    if (performance.now() - this.#listedAtMs >= LIST_GAP_MS) void this.#refresh(connection).catch(() => undefined);
  }

  /** One list at a time, however many want it. */
  async #refresh(connection: Connection): Promise<void> {
    this.#refreshing ??= (async () => {
      try {
        await connection.refresh();
        this.#seen = connection.tools;
        this.#listedAtMs = performance.now();
      } catch (error) {
        this.#failedOnce();
        await this.#drop();
        throw new McpUnavailable(`The MCP server ${this.#options.server} cannot list its tools: ${messageOf(error)}.`);
      } finally {
        this.#refreshing = undefined;
      }
    })();
    await this.#refreshing;
  }

  /** Ends this life of it; the next use begins another. */
  async #drop(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#timeouts = 0;
    await connection?.then((each) => each.close()).catch(() => undefined);
  }

  #restLater(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if (this.#callsInFlight === 0) void this.#drop();
    }, this.#options.limits.idleMs).unref();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? cut(error.message, MAX_ERROR_CHARS) : 'it failed';
}
