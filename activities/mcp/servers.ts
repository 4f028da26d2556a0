import { createHash } from 'node:crypto';
import type { Transport } from '@modelcontextprotocol/client';
import type { OperatorMcpServer } from '../../workflows/contract/operator.schema.ts';
import type { McpServer } from '../../workflows/contract/task.schema.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { Egress } from '../egress/egress.ts';
import type { Log } from '../observe/log.ts';
import { createRedactor } from '../observe/redaction.ts';
import type { Sandboxes } from '../sandbox/sandbox.ts';
import { fleetTools, type FleetServer } from './fleet-tools.ts';
import { createHttpTransport } from './http-transport.ts';
import { ServerInstance } from './instance.ts';
import { DEFAULT_LIMITS, type McpLimits } from './limits.ts';
import { type McpServers, type McpTools, McpUnavailable } from './mcp.ts';
import { pinnedHash } from './pins.ts';
import { StdioTransport } from './stdio-transport.ts';
import { untilAborted } from './waiting.ts';

export interface McpServersOptions {
  /** The operator's own, the variables they name filled in. */
  operator: Readonly<Record<string, OperatorMcpServer>>;
  store: Pick<ArtifactStore, 'readRecord' | 'writeRecord'>;
  confine: Sandboxes['confine'];
  /** The way to servers that fleets declare by URL; without it there is none. */
  egress?: Pick<Egress, 'request'>;
  log: Log;
  limits?: Partial<McpLimits>;
}

type Declared = { by: 'fleet'; declaration: McpServer } | { by: 'operator'; declaration: OperatorMcpServer };

/** As `workflows/contract/operator.schema.ts` has it: in `mcp__server__tool` two underscores end the name. */
const SERVER_NAME = /^[A-Za-z0-9-]{1,64}$/;
/** Of fleets and sets of names: a worker lives longer than its fleets. */
const MAX_REMEMBERED = 500;

/** One per worker. A server runs from its first use until it is idle, `close`, or the worker's death. */
export function createMcpServers(options: McpServersOptions): McpServers {
  const { operator, store, log } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const instances = new Map<string, ServerInstance>();
  const remembered = new Map<string, Promise<McpTools>>();
  const life = new AbortController();

  function instanceOf(server: string, declared: Declared): ServerInstance {
    const key = createHash('sha256')
      .update(JSON.stringify([server, declared]))
      .digest('hex');
    const known = instances.get(key);
    if (known) return known;
    const instance = new ServerInstance({ server, limits, log, ...launcher(declared, limits, options) });
    instances.set(key, instance);
    return instance;
  }

  async function serverOf(
    fleetId: string,
    name: string,
    declared: Readonly<Record<string, McpServer>>,
  ): Promise<FleetServer> {
    const found = find(name, declared, operator);
    const instance = instanceOf(name, found);
    const tools = await instance.tools(life.signal);
    const operatorPin = found.by === 'operator' ? found.declaration.pin : undefined;
    const pin = await pinnedHash(store, { fleetId, server: name, seen: tools.hash, operatorPin });
    return { name, instance, tools, pin };
  }

  return {
    async tools({ fleetId, names, declared, signal }) {
      signal.throwIfAborted();
      const key = JSON.stringify([fleetId, names]);
      let asked = remembered.get(key);
      if (!asked) {
        asked = Promise.all(names.map((name) => serverOf(fleetId, name, declared))).then((all) => fleetTools(all, log));
        remember(remembered, key, asked);
      }
      return untilAborted(asked, signal);
    },
    async close() {
      life.abort(new McpUnavailable('The worker is ending.'));
      await Promise.all([...instances.values()].map((instance) => instance.close()));
    },
  };
}

/** A failure is asked again by the next who wants it. */
function remember(remembered: Map<string, Promise<McpTools>>, key: string, asked: Promise<McpTools>): void {
  remembered.set(key, asked);
  const [oldest] = remembered.keys();
  if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
  asked.catch(() => {
    if (remembered.get(key) === asked) remembered.delete(key);
  });
}

/** The fleet's own before the operator's. A repository has no say: its `.mcp.json` is a file like any other. */
function find(
  name: string,
  declared: Readonly<Record<string, McpServer>>,
  operator: Readonly<Record<string, OperatorMcpServer>>,
): Declared {
  if (!SERVER_NAME.test(name))
    throw new McpUnavailable(
      `${JSON.stringify(name.slice(0, 100))} is no name of an MCP server: letters, digits and -.`,
    );
  if (Object.hasOwn(declared, name)) return { by: 'fleet', declaration: declared[name]! };
  if (Object.hasOwn(operator, name)) return { by: 'operator', declaration: operator[name]! };
  const known = [...Object.keys(declared), ...Object.keys(operator)].sort().join(', ') || 'none';
  throw new McpUnavailable(`There is no MCP server ${name}. Declared by this fleet or the operator: ${known}.`);
}

function launcher(
  declared: Declared,
  limits: McpLimits,
  { confine, egress }: McpServersOptions,
): { launch: () => Promise<Transport>; lastWords: () => string } {
  const { declaration } = declared;
  if (declaration.type === 'http') {
    if (declared.by === 'fleet' && !egress)
      throw new McpUnavailable(
        'MCP servers by URL are not reachable from this worker unless its operator declares them.',
      );
    const way = declared.by === 'fleet' ? egress : undefined;
    return { launch: async () => createHttpTransport(declaration, limits, way), lastWords: () => '' };
  }
  const { command, args, env } = declaration;
  const redact = createRedactor(Object.values(env));
  const { readOnlyPaths, network } =
    declared.by === 'operator' && declared.declaration.type === 'stdio'
      ? declared.declaration
      : { readOnlyPaths: [], network: false };
  let newest: StdioTransport | undefined;
  return {
    async launch() {
      const program = await confine({ command, args, env, readOnlyPaths, hasNetwork: network });
      newest = new StdioTransport(program, limits);
      return newest;
    },
    lastWords: () => redact(newest?.lastWords ?? ''),
  };
}
