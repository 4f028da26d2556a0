import Anthropic from '@anthropic-ai/sdk';
import { FAILURES } from '../../workflows/contract/failures.ts';
import type { Log } from '../observe/log.ts';
import { Admissions, Grant } from './admission.ts';
import { answerOf } from './answer.ts';
import { ClaudeTrouble, type CallOptions, type Claude, type ClaudeAnswer, type ClaudeCall } from './claude.ts';
import type { Endpoint } from './endpoint.ts';
import { claudeTrouble } from './errors.ts';
import type { ProviderLimits } from './limits/limits.ts';
import { compactionParams, messageParams, type MessageParams } from './params.ts';
import { PrefixGate } from './prefix-gate.ts';
import { findModel, modelFacts, UnknownModel } from './prices.ts';
import { Watchdog } from './watchdog.ts';

/**
 * Until the headers of an answer. They come before the first token, but a prompt of a million tokens has to be read first,
 * and a call given up too early is paid twice.
 */
const HEADERS_TIMEOUT_MS = 120_000;

export interface ClaudeOptions extends Endpoint {
  log?: Log;
  headersTimeoutMs?: number;
  /** Left out: calls are admitted as soon as their prefix is warm. */
  limits?: ProviderLimits;
  /** Left out: one that waits a minute at most. */
  gate?: PrefixGate;
}

/** A caller of one endpoint with one credential; one serves a whole process. Its state is what `admit` knows of prefixes and limits. */
export function createClaude({
  baseUrl,
  apiKey,
  authToken,
  log,
  headersTimeoutMs,
  limits,
  gate,
}: ClaudeOptions): Claude {
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
  const admissions = new Admissions(limits, gate ?? new PrefixGate());
  const make = async (model: string, params: (grant?: Grant) => MessageParams, options: CallOptions) => {
    const grant = Grant.take(options.admission);
    try {
      options.signal.throwIfAborted();
      if (!findModel(model)) throw unknownModel(model);
      return await send(anthropic, params(grant), options, grant, log);
    } finally {
      grant?.release();
    }
  };
  return {
    admit: (call, options) => admissions.admit(call, options),
    call: (call, options) => make(call.model, (grant) => messageParams(call, grant?.sharedBlock), options),
    compact: (call, options) => make(call.model, () => compactionParams(checkedForCompaction(call)), options),
  };
}

async function send(
  anthropic: Anthropic,
  params: MessageParams,
  { signal, stallMs }: CallOptions,
  grant: Grant | undefined,
  log: Log | undefined,
): Promise<ClaudeAnswer> {
  using watchdog = new Watchdog(signal, stallMs);
  let answered: Response | undefined;
  const watchedFetch: typeof fetch = async (input, init) => {
    answered = await fetch(input, init);
    grant?.observe(answered);
    return watchdog.watch(answered, () => grant?.started());
  };
  const startedAtMs = Date.now();
  try {
    const client = anthropic.withOptions({ fetch: watchedFetch });
    const stream = client.beta.messages.stream(params, { signal: watchdog.signal });
    const answer = answerOf(params.model, await stream.finalMessage(), requestIdOf(answered));
    grant?.settle(answer.usage);
    return answer;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const trouble = claudeTrouble(error, {
      hasStalled: watchdog.hasStalled,
      hasBegun: answered?.ok ?? false,
      requestId: requestIdOf(answered),
    });
    const { verdict, requestId, message } = trouble;
    if (verdict.act === 'pause' || (verdict.act === 'retry' && verdict.isRefusal)) grant?.refused(trouble);
    log?.warn(
      { model: params.model, verdict, requestId, message, durationMs: Date.now() - startedAtMs },
      'model call failed',
    );
    throw trouble;
  }
}

function requestIdOf(response: Response | undefined): string | null {
  return response?.headers.get('request-id') ?? null;
}

function checkedForCompaction(call: ClaudeCall): ClaudeCall {
  if (modelFacts(call.model).compacts) return call;
  throw new ClaudeTrouble(`${call.model} cannot summarise a conversation, and this one is too long for it`, {
    verdict: { act: 'fatal', type: FAILURES.claudeContextTooLong },
    mayBeBilled: false,
  });
}

function unknownModel(model: string): ClaudeTrouble {
  return new ClaudeTrouble(new UnknownModel(model).message, {
    verdict: { act: 'fatal', type: FAILURES.claudeUnknownModel },
    mayBeBilled: false,
  });
}
