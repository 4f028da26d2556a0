import { readConfig, type Config, type ConfigFlags } from '../config.ts';
import { Muster, readPrices } from '../library/muster.ts';
import type { Reading } from '../library/reading.ts';
import type { FleetClient } from '../fleet-client/fleet-client.ts';
import type { Stack } from '../local/stack.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** What one command works with. */
export interface Session extends AsyncDisposable {
  readonly config: Config;
  readonly muster: Muster;
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
  return {
    config,
    terminal: openTerminal(config.color, {
      isQuiet: quiet === true,
      noInput: input === false,
      obeysLines: config.ci.obeysLines,
    }),
  };
}

/** The library as a command uses it: what it is told meanwhile goes to the terminal. Starts and creates nothing. */
export function openMuster({ config, terminal }: { config: Config; terminal: Terminal }): Muster {
  return new Muster(config, { onTalk: (line) => terminal.say(line), readStdin });
}

async function readStdin(): Promise<string> {
  const { text } = await import('node:stream/consumers');
  return text(process.stdin);
}

/** What a command reads fleets with; quick to open. */
export interface ReadingSession extends Reading {
  readonly terminal: Terminal;
  readonly muster: Muster;
}

/** For commands that only read. */
export async function withReading<T>(work: (session: ReadingSession) => Promise<T>): Promise<T> {
  const settings = openSettings();
  await using muster = openMuster(settings);
  return await work({ ...(await muster.reading()), muster, terminal: settings.terminal });
}

/** With `needsServer` false a command on ended fleets starts nothing; the client brings the server up when it must. */
export async function openSession(
  settings: { config: Config; terminal: Terminal },
  { needsServer = false }: { needsServer?: boolean } = {},
): Promise<Session> {
  const muster = openMuster(settings);
  const { stack, client } = await muster.ground();
  if (needsServer) await stack.mend();
  return { ...settings, muster, stack, client, [Symbol.asyncDispose]: () => muster[Symbol.asyncDispose]() };
}

/** A session for the time of one piece of work. */
export async function withSession<T>(flags: SessionFlags, work: (session: Session) => Promise<T>): Promise<T> {
  await using session = await openSession(openSettings(flags));
  return await work(session);
}
