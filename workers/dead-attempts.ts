import { setTimeout as delay } from 'node:timers/promises';
import { Connection, isGrpcServiceError } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { HEARTBEAT_TIMEOUT_MS } from '../workflows/contract/limits.ts';
import type { WorkerConfig } from './config.ts';

/** gRPC's own numbers. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const PAUSE_MS = 1_000;
const CALL_MS = 5_000;
const AT_ONCE = 20;

/** What attempts of a dead process fail with: retried like any fault that may be gone in a second. */
export const WORKER_DIED = 'Worker.Died';

/**
 * Fails attempts by their tokens, so that Temporal runs them elsewhere now and not after their heartbeat timeout. What it
 * last heard by heartbeat stays as it is. An attempt that has ended or was failed before is left alone. Gives up
 * after a heartbeat timeout, when Temporal has found out by itself. Resolves with how many it has failed; never rejects.
 */
export async function failAttempts(
  { connection: where, namespace }: Pick<WorkerConfig, 'connection' | 'namespace'>,
  tokens: readonly string[],
  { message, retryAfterMs }: { message: string; retryAfterMs: number },
): Promise<number> {
  const deadline = performance.now() + HEARTBEAT_TIMEOUT_MS;
  const applicationFailureInfo = {
    type: WORKER_DIED,
    nonRetryable: false,
    // Left out: after the second that every retry waits.
    ...(retryAfterMs > 0 && { nextRetryDelay: msToTs(retryAfterMs) }),
  };
  const left = [...tokens];
  let failed = 0;
  // Directly, as the worker's own connection is. Without retries of the client's, which end the process when it is closed
  // under them: ours are below.
  const channelArgs = { 'grpc.enable_http_proxy': 0 };
  const connection = Connection.lazy({ ...where, channelArgs, connectTimeout: CALL_MS, interceptors: [] });

  async function fail(token: string): Promise<void> {
    for (;;) {
      try {
        await connection.withDeadline(Date.now() + CALL_MS, () =>
          connection.workflowService.respondActivityTaskFailed({
            namespace,
            taskToken: Buffer.from(token, 'base64'),
            identity: `supervisor-${process.pid.toString()}`,
            failure: { message, source: 'muster', applicationFailureInfo },
          }),
        );
        failed++;
        return;
      } catch (error) {
        if (isGrpcServiceError(error) && [INVALID_ARGUMENT, NOT_FOUND].includes(Number(error.code))) return;
        if (performance.now() + PAUSE_MS > deadline) return;
        await delay(PAUSE_MS);
      }
    }
  }

  async function work(): Promise<void> {
    for (let token = left.shift(); token !== undefined; token = left.shift()) await fail(token);
  }

  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await connection.close().catch(() => undefined);
  return failed;
}
