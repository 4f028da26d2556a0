import { z } from 'zod';

/**
 * What whoever runs a worker decides for it, and nobody else: never a repository, never a task. The command line hands it
 * to the workers it brings up; a worker reads it from its environment.
 */
export const SANDBOXES = ['bubblewrap', 'none'] as const;
export type SandboxKind = (typeof SANDBOXES)[number];

/** In a tool's name, `mcp__server__tool`, two underscores end it. */
export const MCP_SERVER_NAME = /^[A-Za-z0-9-]{1,64}$/;

const Texts = z.record(z.string(), z.string());
/** Hash of a server's tool definitions, as a refusal prints it. */
const Pin = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** An MCP server as an operator declares it; `${NAME}` in env and headers is a variable of the worker's environment. */
export const OperatorMcpServer = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('stdio'),
    command: z.string().min(1),
    args: z.array(z.string()).default([]),
    env: Texts.default({}),
    /** Absolute paths outside /usr it may read. */
    readOnlyPaths: z.array(z.string().startsWith('/')).default([]),
    network: z.boolean().default(false),
    pin: Pin.optional(),
  }),
  z.strictObject({
    type: z.literal('http'),
    url: z.url({ protocol: /^https?$/ }),
    headers: Texts.default({}),
    pin: Pin.optional(),
  }),
]);
export type OperatorMcpServer = z.infer<typeof OperatorMcpServer>;

/** A network an operator lets subagents reach though it is none of the public internet: `10.1.0.0/16`, `fd00::/8`. */
export const InternalNetwork = z.union([z.cidrv4(), z.cidrv6()]);

/**
 * Declarations by name, `type` filled in where it follows from the other keys. Throws one `Error` that names every fault
 * with the key it is in.
 */
export function readMcpServers(value: unknown): Record<string, OperatorMcpServer> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('mcpServers must hold names with {command, args, env} or {url, headers}');
  const faults: string[] = [];
  const servers = Object.entries(value).flatMap(([name, given]) => {
    if (!MCP_SERVER_NAME.test(name))
      faults.push(`mcpServers: ${JSON.stringify(name)} is no name: letters, digits and -`);
    const parsed = OperatorMcpServer.safeParse(typed(given));
    for (const { path, message } of parsed.error?.issues ?? [])
      faults.push(`${['mcpServers', name, ...path].join('.')}: ${message}`);
    return parsed.success ? [[name, parsed.data] as const] : [];
  });
  if (faults.length > 0) throw new Error(faults.join('; '));
  return Object.fromEntries(servers);
}

/** With the `type` that the other keys mean. */
function typed(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || 'type' in given) return given;
  return { type: 'url' in given ? 'http' : 'stdio', ...given };
}

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Variables that declarations name, sorted. */
export function variablesOf(servers: Readonly<Record<string, OperatorMcpServer>>): string[] {
  const texts = Object.values(servers).flatMap((server) =>
    Object.values(server.type === 'stdio' ? server.env : server.headers),
  );
  return [...new Set(texts.flatMap((text) => [...text.matchAll(VARIABLE)].map(([, name]) => name!)))].sort();
}

/** The declarations with every variable replaced by what `valueOf` says. */
export function withVariables(
  servers: Readonly<Record<string, OperatorMcpServer>>,
  valueOf: (name: string) => string,
): Record<string, OperatorMcpServer> {
  const filled = (texts: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(texts).map(([key, text]) => [key, text.replace(VARIABLE, (_, name: string) => valueOf(name))]),
    );
  return Object.fromEntries(
    Object.entries(servers).map(([name, server]) => [
      name,
      server.type === 'stdio' ? { ...server, env: filled(server.env) } : { ...server, headers: filled(server.headers) },
    ]),
  );
}
