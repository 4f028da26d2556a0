import Anthropic from '@anthropic-ai/sdk';
import { ClaudeTrouble } from '../../activities/claude/claude.ts';
import { claudeTrouble } from '../../activities/claude/errors.ts';
import { createProviderLimits } from '../../activities/claude/limits/provider-limits.ts';
import type { Reservation } from '../../activities/claude/limits/limits.ts';

/** A worker of `limits-bench.ts`: fleets of subagents that call without end, on one limiter. */
export interface LimitsPeerTask {
  url: string;
  fleets: readonly number[];
  promptTokens: number;
  outputTokens: number;
}

/** Since it was told to measure. */
export interface LimitsPeerReport {
  /** Calls answered, by fleet. */
  answered: number[];
  cpuMs: number;
}

const [json = '{}', name = ''] = process.argv.slice(2);
const { url, fleets, promptTokens, outputTokens } = JSON.parse(json) as LimitsPeerTask;
const limits = createProviderLimits();
let answered = fleets.map(() => 0);
let cpu = process.cpuUsage();

async function subagent(fleet: number, index: number): Promise<never> {
  for (let turn = 0; ; turn += 1) {
    const directive = `[[simulate tokens=${outputTokens}]] ${name}/${fleet}/${index}/${turn} `;
    try {
      await call(`fleet-${fleet}`, directive.padEnd(4 * promptTokens, 'x'));
      answered[fleet]! += 1;
    } catch (error) {
      if (!(error instanceof ClaudeTrouble) || error.verdict.act !== 'retry') throw error;
      await new Promise((resolve) => setTimeout(resolve, 1_000 * Math.random()));
    }
  }
}

async function call(fleetId: string, content: string): Promise<void> {
  const { signal } = new AbortController();
  const model = 'claude-opus-5-5';
  const reservation = await limits.admit({ model, fleetId, inputTokens: promptTokens, maxTokens: 8_000, signal });
  const anthropic = new Anthropic({ baseURL: url, apiKey: 'bench', maxRetries: 0, fetch: observed(reservation) });
  try {
    const stream = anthropic.messages.stream({ model, max_tokens: 8_000, messages: [{ role: 'user', content }] });
    const { usage } = await stream.finalMessage();
    reservation.settle({
      input_tokens: usage.input_tokens,
      output_tokens: usage.output_tokens,
      cache_creation_input_tokens: usage.cache_creation_input_tokens ?? 0,
      cache_read_input_tokens: usage.cache_read_input_tokens ?? 0,
    });
  } catch (error) {
    const trouble = claudeTrouble(error, { hasStalled: false, hasBegun: false, requestId: null });
    reservation.refused(trouble);
    throw trouble;
  }
}

function observed(reservation: Reservation): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    reservation.observe(response.status, response.headers);
    return response;
  };
}

process.on('message', (message) => {
  if (message === 'measure') {
    answered = fleets.map(() => 0);
    cpu = process.cpuUsage();
  } else {
    const { user, system } = process.cpuUsage(cpu);
    process.send?.({ answered, cpuMs: (user + system) / 1_000 } satisfies LimitsPeerReport);
  }
});

await Promise.all(fleets.flatMap((size, fleet) => Array.from({ length: size }, (_, n) => subagent(fleet, n))));
