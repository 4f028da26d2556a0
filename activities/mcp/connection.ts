import {
  Client,
  type jsonSchemaValidator,
  type JsonSchemaValidatorResult,
  SdkError,
  SdkErrorCode,
  type Transport,
} from '@modelcontextprotocol/client';
import { readTools, type ServerTools } from './definitions.ts';
import type { McpLimits } from './limits.ts';
import { untilAborted } from './waiting.ts';

/** One life of a server: a client that has shaken hands, and the tools it was told of. */
export interface Connection {
  client: Client;
  /** Newest list; replaced by `refresh`. */
  tools: ServerTools;
  /** It has said that its tools have changed, and nobody has looked since. */
  isStale: boolean;
  refresh(): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  server: string;
  /** A new transport, not started. */
  launch: () => Promise<Transport>;
  limits: McpLimits;
  onChanged: (connection: Connection) => void;
  /** It has ended by itself. */
  onClosed: (connection: Connection) => void;
}

const MAX_PAGES = 8;
const PROBE_MS = 10_000;
/** Output schemas are a stranger's: compiled here, a pattern in one could hold the worker's loop. Nobody asks for the check. */
const unchecked: jsonSchemaValidator = { getValidator: () => accepted };

function accepted<T>(data: unknown): JsonSchemaValidatorResult<T> {
  return { valid: true, data: data as T, errorMessage: undefined };
}

/**
 * Starts a server and lists its tools. Servers of the protocol's first line may end at the second's greeting: they get
 * another start with their own. Rejects with whatever went wrong; then nothing of it runs any more.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  try {
    return await attempt(options, 'auto');
  } catch (error) {
    if (!(error instanceof SdkError) || error.code !== SdkErrorCode.EraNegotiationFailed) throw error;
    return attempt(options, 'legacy');
  }
}

async function attempt(
  { server, launch, limits, onChanged, onClosed }: ConnectOptions,
  mode: 'auto' | 'legacy',
): Promise<Connection> {
  const clock = AbortSignal.timeout(limits.connectMs);
  const request = { timeout: limits.connectMs };
  const transport = await launch();
  // A program that does not know the newer greeting may also be silent; over HTTP silence is an outage.
  const probe = 'pid' in transport ? { timeoutMs: PROBE_MS } : {};
  const client = new Client(
    { name: 'muster', version: '1' },
    {
      capabilities: {},
      versionNegotiation: { mode, probe },
      jsonSchemaValidator: unchecked,
      listMaxPages: MAX_PAGES,
      listChanged: {
        tools: {
          autoRefresh: false,
          debounceMs: 0,
          onChanged() {
            connection.isStale = true;
            onChanged(connection);
          },
        },
      },
    },
  );
  const close = async (): Promise<void> => {
    await client.close().catch(() => undefined);
    await transport.close().catch(() => undefined);
  };
  const list = async (): Promise<ServerTools> => {
    if (!client.getServerCapabilities()?.tools) return readTools(server, []);
    const { tools } = await client.listTools(undefined, { ...request, cacheMode: 'refresh' });
    if (tools.length > limits.tools)
      throw new Error(`it offers ${tools.length} tools; ${limits.tools} are too many to show`);
    return readTools(server, tools);
  };
  const connection: Connection = {
    client,
    tools: readTools(server, []),
    isStale: false,
    async refresh() {
      connection.isStale = false;
      connection.tools = await list();
    },
    close,
  };
  try {
    await untilAborted(client.connect(transport, request), clock);
    await untilAborted(connection.refresh(), clock);
    client.onclose = () => onClosed(connection);
    return connection;
  } catch (error) {
    await close();
    throw clock.aborted ? new Error(`it did not answer within ${limits.connectMs / 1000} s`) : error;
  }
}
