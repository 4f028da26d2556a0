import { randomBytes } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CommandFailure } from '../cli/context.ts';
import { readConfig, type Environment } from '../config.ts';
import type { Muster } from '../library/muster.ts';
import { Cursors } from './cursors.ts';
import { Door } from './door.ts';
import { readListenAddress } from './listen-address.ts';
import { ceilingOf, DEFAULT_WAIT_MS, type ServerLimits } from './server-limits.ts';
import { speakOnStdio } from './serve-stdio.ts';
import type { Workshop } from './tool.ts';

/** What `muster mcp` was told; amounts in micro US dollars, times in milliseconds. */
export interface McpFlags {
  cwd?: string;
  addDir?: string[];
  allow?: string[];
  deny?: string[];
  budget?: number;
  maxAgents?: number;
  wait?: number;
  simulate?: boolean;
  listen?: string;
  remote?: boolean;
  host?: string[];
}

const TOKEN = 'MUSTER_MCP_TOKEN';
const MIN_TOKEN_CHARS = 16;

/**
 * The whole of `muster mcp`: serves until stdin ends (stdio), SIGINT or SIGTERM; fleets go on. Throws `CommandFailure`
 * for what is wrong with flags or configuration; nothing was started then.
 */
export async function serveMcp(flags: McpFlags, log: (line: string) => void): Promise<void> {
  const limits = await limitsOf(flags);
  // Read now, so that what is wrong is said to whoever starts it and not to the first caller.
  const { environment } = readConfig(undefined, limits.cwd);
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  await using door = new Door((isSimulated) => openMuster(limits.cwd, isSimulated, environment, log));
  const shop: Workshop = { limits, door, cursors: new Cursors(), log, ending: ending.signal };
  if (flags.listen === undefined) {
    await speakOnStdio(shop);
    return ending.abort();
  }
  const address = readListenAddress(flags.listen, flags.remote === true);
  const given = environment[TOKEN]?.trim();
  const token = given ? checkToken(given) : randomBytes(32).toString('base64url');
  const { listenForMcp } = await import('./serve-http.ts');
  await using server = await listenForMcp(shop, { ...address, token, hosts: flags.host ?? [] });
  log(`MCP at ${server.url}`);
  if (flags.remote && !flags.host) log('requests that name another host than this are refused: --host NAME adds one');
  if (!given) log(`token (or set ${TOKEN}): ${token}`);
  await aborted(ending.signal);
}

async function openMuster(
  cwd: string,
  simulate: boolean,
  environment: Environment,
  onTalk: (line: string) => void,
): Promise<Muster> {
  const library = await import('../library/muster.ts');
  // The token is of this process alone: no daemon and no task is given it.
  return library.Muster.open({ cwd, simulate, onTalk, environment: { ...environment, [TOKEN]: undefined } });
}

async function limitsOf(flags: McpFlags): Promise<ServerLimits> {
  const { allow = [], deny = [], budget = null, maxAgents, simulate = false, wait = DEFAULT_WAIT_MS } = flags;
  const cwd = await directory('--cwd', flags.cwd ?? '.');
  const added = await Promise.all((flags.addDir ?? []).map((path) => directory('--add-dir', path)));
  const roots = [...new Set([cwd, ...added])];
  const ceiling = ceilingOf(allow, deny);
  return { cwd, roots, ceiling, budgetMicroUsd: budget, maxAgents, isSimulated: simulate, waitMs: wait };
}

async function directory(flag: string, path: string): Promise<string> {
  const found = await stat(resolve(path)).catch(() => undefined);
  if (found?.isDirectory()) return realpath(resolve(path));
  throw new CommandFailure(2, `${flag} ${path}: no such directory`, 'write one that exists');
}

function checkToken(token: string): string {
  // Never quoted: it is a secret, even when it is a bad one.
  if (token.length >= MIN_TOKEN_CHARS && /^[\x21-\x7e]+$/.test(token)) return token;
  const hint = `write at least ${MIN_TOKEN_CHARS} letters and digits, such as those of \`openssl rand -hex 32\``;
  throw new CommandFailure(2, `${TOKEN} is too short, or holds what no header may`, hint);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise((done) => signal.addEventListener('abort', done, { once: true }));
}
