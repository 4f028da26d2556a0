import { setTimeout as delay } from 'node:timers/promises';
import { NamespaceNotFoundError, ServiceError, isGrpcServiceError } from '@temporalio/client';
import type { Stack } from '../local/stack.ts';
import { FleetFailure } from './failure.ts';

/** gRPC: cancelled, deadline exceeded, resource exhausted, failed precondition (no worker polls), aborted, unavailable. */
const PASSING = new Set([1, 4, 8, 9, 10, 14]);

const ATTEMPT_MS = 3_000;
const GIVE_UP_MS = 60_000;
const PAUSE_MS = 250;
export const MEND_EVERY_MS = 2_000;

/**
 * Whether the server or the worker is away, which mending the stack may end. A server that has lost its database for a
 * moment says that there is no such namespace.
 */
export function isPassing(error: unknown): boolean {
  if (error instanceof NamespaceNotFoundError) return true;
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) && PASSING.has(cause.code);
}

/**
 * Asks the server until it answers; while it does not, the stack is mended. `ask` must be safe to repeat. Rejects with
 * `FleetFailure` `unreachable` after a minute without an answer, and with what `ask` throws otherwise.
 */
export async function persist<T>(stack: Stack, ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (;;) {
    signal?.throwIfAborted();
    const { client } = stack;
    try {
      return await client.withDeadline(Date.now() + ATTEMPT_MS, ask);
    } catch (error) {
      // A stack that was mended in between has closed the connection under this call.
      if (!isPassing(error) && stack.client === client) throw error;
      if (Date.now() > giveUpAt) throw unreachable(error);
    }
    await mendQuietly(stack);
    await delay(PAUSE_MS, undefined, signal && { signal });
  }
}

export function unreachable(cause: unknown): FleetFailure {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new FleetFailure('unreachable', `the fleet's server does not answer: ${text}`, 'muster doctor', cause);
}

/** Mends the stack every two seconds for as long as `work` is under way. */
export async function whileMending<T>(stack: Stack, work: Promise<T>): Promise<T> {
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    void mendQuietly(stack).finally(() => (isBusy = false));
  }, MEND_EVERY_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** What cannot be mended now may be in a moment; whoever waits decides how long. */
async function mendQuietly(stack: Stack): Promise<void> {
  await stack.mend().catch(() => undefined);
}
