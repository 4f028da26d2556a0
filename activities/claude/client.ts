import Anthropic from '@anthropic-ai/sdk';
import { FAILURES } from '../../workflows/contract/failures.ts';
import type { Log } from '../observe/log.ts';
import { ClaudeTrouble, type Claude, type ClaudeAnswer, type ClaudeCall } from './claude.ts';
import type { Endpoint } from './endpoint.ts';
import { claudeTrouble } from './errors.ts';
import { messageParams } from './params.ts';
import { costMicroUsd, findModel, UnknownModel } from './prices.ts';
import { Watchdog } from './watchdog.ts';

/**
 * Until the headers of an answer. They come before the first token, but a prompt of a million tokens has to be read first,
 * and a call given up too early is paid twice.
 */
const HEADERS_TIMEOUT_MS = 120_000;

export interface ClaudeOptions extends Endpoint {
  log?: Log;
  headersTimeoutMs?: number;
}

/** A caller of one endpoint with one credential. Holds no state of its own; one serves a whole process. */
export function createClaude({ baseUrl, apiKey, authToken, log, headersTimeoutMs }: ClaudeOptions): Claude {
  if ((apiKey === undefined) === (authToken === undefined))
    throw new Error('exactly one of apiKey and authToken is needed');
  const anthropic = new Anthropic({
    baseURL: baseUrl,
    ...(apiKey === undefined ? { authToken: authToken ?? null } : { apiKey }),
    // With retries on, `retry-after: 3600` makes the SDK sleep the hour inside the call (measured).
    maxRetries: 0,
    timeout: headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
    openTelemetry: false,
    logLevel: 'off',
  });
  return {
    admit: () => Promise.resolve({ release: () => undefined }),
    compact: () => Promise.reject(new Error('not built')),
    async call(call, options) {
      options.signal.throwIfAborted();
      if (!findModel(call.model)) throw unknownModel(call.model);
      return await send(anthropic, call, options, log);
    },
  };
}

async function send(
  anthropic: Anthropic,
  call: ClaudeCall,
  { signal, stallMs }: { signal: AbortSignal; stallMs: number },
  log: Log | undefined,
): Promise<ClaudeAnswer> {
  using watchdog = new Watchdog(signal, stallMs);
  let answered: Response | undefined;
  const watchedFetch: typeof fetch = async (input, init) => {
    answered = await fetch(input, init);
    return watchdog.watch(answered);
  };
  const startedAtMs = Date.now();
  try {
    const client = anthropic.withOptions({ fetch: watchedFetch });
    const stream = client.messages.stream(messageParams(call), { signal: watchdog.signal });
    return answerOf(call.model, await stream.finalMessage(), answered);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const trouble = claudeTrouble(error, {
      hasStalled: watchdog.hasStalled,
      hasBegun: answered?.ok ?? false,
      requestId: requestIdOf(answered),
    });
    const { verdict, requestId, message } = trouble;
    log?.warn(
      { model: call.model, verdict, requestId, message, durationMs: Date.now() - startedAtMs },
      'model call failed',
    );
    throw trouble;
  }
}

function answerOf(model: string, message: Anthropic.Message, response: Response | undefined): ClaudeAnswer {
  const { usage: billed, stop_reason: stopReason } = message;
  if (stopReason === null) throw new Error('the message has no stop reason');
  const usage = {
    input_tokens: billed.input_tokens,
    output_tokens: billed.output_tokens,
    cache_creation_input_tokens: billed.cache_creation_input_tokens ?? 0,
    cache_read_input_tokens: billed.cache_read_input_tokens ?? 0,
  };
  return {
    content: message.content,
    stopReason,
    usage,
    costMicroUsd: costMicroUsd(model, { ...usage, cache_creation: billed.cache_creation }),
    requestId: requestIdOf(response),
  };
}

function requestIdOf(response: Response | undefined): string | null {
  return response?.headers.get('request-id') ?? null;
}

function unknownModel(model: string): ClaudeTrouble {
  return new ClaudeTrouble(new UnknownModel(model).message, {
    verdict: { act: 'fatal', type: FAILURES.claudeUnknownModel },
    mayBeBilled: false,
  });
}
