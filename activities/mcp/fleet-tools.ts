import type { Log } from '../observe/log.ts';
import { prefixOf, readTools, type ServerTools } from './definitions.ts';
import type { ServerInstance } from './instance.ts';
import type { McpTools } from './mcp.ts';

/** A server as one fleet sees it. */
export interface FleetServer {
  name: string;
  instance: ServerInstance;
  /** As listed when the fleet first used it here. */
  tools: ServerTools;
  /** The hash its tools must have. */
  pin: string;
}

/** See `McpTools`. Says in the log once for each new hash when a server's tools are no longer the pinned ones. */
export function fleetTools(servers: readonly FleetServer[], log: Log): McpTools {
  const entries = servers.map((server) => ({ server, shown: server.tools.hash === server.pin ? server.tools : NONE }));
  const tools = new Map(
    entries.flatMap(({ server, shown }) =>
      [...shown.tools].map(([name, tool]) => [name, { ...tool, server }] as const),
    ),
  );
  const definitions = [...tools.values()].map(({ definition }) => definition);
  definitions.sort((a, b) => (a.name < b.name ? -1 : 1));
  const reported = new Set<string>();

  function objection({ name, pin }: FleetServer, seen: ServerTools | undefined): string | undefined {
    if (seen === undefined || seen.hash === pin) return undefined;
    if (!reported.has(name + seen.hash)) log.warn({ server: name, pinned: pin, seen: seen.hash }, 'MCP tools changed');
    reported.add(name + seen.hash);
    return `The tools of the MCP server ${name} are not those they were pinned to (${seen.hash}, pinned: ${pin}); none of them is called.`;
  }

  return {
    definitions: Object.freeze(definitions),
    refusal(name) {
      const server = servers.find((each) => name.startsWith(prefixOf(each.name)));
      const message = server && objection(server, server.instance.seen ?? server.tools);
      return message === undefined ? undefined : { reason: 'MCP_CHANGED', message };
    },
    async call(name, input, signal) {
      signal.throwIfAborted();
      const tool = tools.get(name);
      if (!tool) return { content: this.refusal(name)?.message ?? `There is no tool ${name}.`, isError: true };
      return tool.server.instance.call(tool.name, input, signal, (seen) => objection(tool.server, seen));
    },
  };
}

const NONE = readTools('', []);
