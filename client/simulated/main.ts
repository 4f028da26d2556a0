import { parseArgs } from 'node:util';
import { readFaultSpec } from './fault.ts';
import { startSimulatedClaude, type SimulatedOptions } from './server.ts';

/*
 * node client/simulated/main.ts [--port N] [--host H] [--scripts FILE]… [--journal FILE] [--latency 200ms|30ms-80ms]
 *   [--seed TEXT] [--fault JSON]… [--rpm N] [--itpm N] [--otpm N]
 * Prints one JSON line {"url","port","pid"} once it listens; ends at once on SIGTERM and SIGINT.
 */

function readOptions(args: string[]): SimulatedOptions {
  const text = { type: 'string' } as const;
  const list = { type: 'string', multiple: true } as const;
  const { values } = parseArgs({
    args,
    options: {
      ...{ port: text, host: text, journal: text, latency: text, seed: text, rpm: text, itpm: text, otpm: text },
      ...{ scripts: list, fault: list },
    },
  });
  const { port, rpm, itpm, otpm, scripts, fault, ...rest } = values;
  return {
    ...rest,
    port: readNumber('port', port ?? '0'),
    scripts: scripts ?? [],
    faults: (fault ?? []).map((json) => readFaultSpec(JSON.parse(json))),
    limits: {
      ...(rpm === undefined ? {} : { rpm: readNumber('rpm', rpm) }),
      ...(itpm === undefined ? {} : { itpm: readNumber('itpm', itpm) }),
      ...(otpm === undefined ? {} : { otpm: readNumber('otpm', otpm) }),
    },
  };
}

function readNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} ${text}: a whole number is needed`);
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
