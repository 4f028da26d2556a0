import { parseArgs } from 'node:util';
import { readFaultSpec } from './fault.ts';
import type { RateLimits } from './rate-limits.ts';
import { startSimulatedClaude, type SimulatedOptions } from './server.ts';

/*
 * node client/simulated/main.ts [--port N] [--host H] [--scripts FILE]… [--journal FILE] [--latency 200ms|30ms-80ms]
 *   [--seed TEXT] [--fault JSON]… [--rpm N] [--itpm N] [--otpm N] [--burst-seconds N] [--ramp-free-per-second N]
 *   [--reserves-max-tokens]
 * Prints one JSON line {"url","port","pid"} once it listens; ends at once on SIGTERM and SIGINT.
 */

/** Flags that take a whole number, and what they set. */
const LIMITS = {
  rpm: 'rpm',
  itpm: 'itpm',
  otpm: 'otpm',
  'burst-seconds': 'burstSeconds',
  'ramp-free-per-second': 'rampFreePerSecond',
} as const satisfies Record<string, keyof RateLimits>;

function readOptions(args: string[]): SimulatedOptions {
  const text = { type: 'string' } as const;
  const list = { type: 'string', multiple: true } as const;
  const { values } = parseArgs({
    args,
    options: {
      ...{ port: text, host: text, journal: text, latency: text, seed: text, scripts: list, fault: list },
      ...{ rpm: text, itpm: text, otpm: text, 'burst-seconds': text, 'ramp-free-per-second': text },
      'reserves-max-tokens': { type: 'boolean' },
    },
  });
  const { host, journal, latency, seed } = values;
  const limits: RateLimits = { reservesMaxTokens: values['reserves-max-tokens'] ?? false };
  for (const [flag, key] of Object.entries(LIMITS)) {
    const value = values[flag as keyof typeof LIMITS];
    if (value !== undefined) limits[key] = readNumber(flag, value, 1);
  }
  return {
    ...(host === undefined ? {} : { host }),
    ...(journal === undefined ? {} : { journal }),
    ...(latency === undefined ? {} : { latency }),
    ...(seed === undefined ? {} : { seed }),
    port: readNumber('port', values.port ?? '0', 0),
    scripts: values.scripts ?? [],
    faults: (values.fault ?? []).map((json) => readFaultSpec(JSON.parse(json))),
    limits,
  };
}

function readNumber(name: string, text: string, least: number): number {
  if (!/^\d+$/.test(text) || Number(text) < least)
    throw new Error(`--${name} ${text}: a whole number is needed${least > 0 ? `, ${least} or more` : ''}`);
  return Number(text);
}

try {
  const claude = await startSimulatedClaude(readOptions(process.argv.slice(2)));
  const end = (): void => void claude.close().then(() => process.exit(0));
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.stdout.write(`${JSON.stringify({ url: claude.url, port: claude.port, pid: process.pid })}\n`);
} catch (error) {
  process.stderr.write(`simulated Claude: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
}
