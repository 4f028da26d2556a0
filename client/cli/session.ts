import { readFileSync } from 'node:fs';
import { loadPrices } from '../../activities/claude/prices.ts';
import { readConfig, SIMULATED, type ClaudeAccess, type Config, type ConfigFlags } from '../config.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { FleetClient } from '../fleet-client/fleet-client.ts';
import { openStack } from '../local/open-stack.ts';
import type { Stack } from '../local/stack.ts';
import { CommandFailure } from './context.ts';
import { openTerminal, type Terminal } from './terminal.ts';

export interface Session extends AsyncDisposable {
  readonly config: Config;
  readonly stack: Stack;
  readonly client: FleetClient;
  readonly terminal: Terminal;
}

export interface SessionFlags extends ConfigFlags {
  quiet?: boolean | undefined;
  input?: boolean | undefined;
}

/** Configuration and terminal of one command; starts and creates nothing. */
export function openSettings(flags: SessionFlags = {}): { config: Config; terminal: Terminal } {
  const { quiet, input, ...more } = flags;
  const config = readConfig(undefined, undefined, more);
  if (config.prices !== undefined) readPrices(config.prices);
  return { config, terminal: openTerminal(config.color, { isQuiet: quiet === true, noInput: input === false }) };
}

/** The worker reads the same file: what is accepted here has a price there. */
function readPrices(path: string): void {
  try {
    loadPrices(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(2, `the price file ${path} is not usable: ${why}`, 'mend it, or unset MUSTER_PRICES');
  }
}

/** With `needsServer` false a command on ended fleets starts nothing; the client brings the server up when it must. */
export async function openSession(
  { config, terminal }: { config: Config; terminal: Terminal },
  { needsServer = false }: { needsServer?: boolean } = {},
): Promise<Session> {
  const stack = await openStack(config, { onProgress: (line) => terminal.say(line), needsServer });
  const client = new FleetClient(stack, (fleet) => accessOf(fleet, config));
  return { config, stack, client, terminal, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}

/** As whom a fleet's worker speaks to Claude; undefined: there is no credential here. */
export function accessOf({ simulated }: Pick<FleetRecord, 'simulated'>, config: Config): ClaudeAccess | undefined {
  return simulated ? SIMULATED : config.claude?.isSimulated ? undefined : config.claude;
}

/** A session for the time of one piece of work. */
export async function withSession<T>(flags: SessionFlags, work: (session: Session) => Promise<T>): Promise<T> {
  await using session = await openSession(openSettings(flags));
  return await work(session);
}
