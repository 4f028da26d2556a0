import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { isFull } from './s3-errors.ts';

type RetryStrategy = Extract<S3ClientConfig['retryStrategy'], { acquireInitialRetryToken: unknown }>;
type Token = Awaited<ReturnType<RetryStrategy['acquireInitialRetryToken']>>;

/** Of a server never reached: a wrong address shall not look like one that is slow. */
const FIRST_CONTACT_MS = 3_000;
/** A server that restarts, or fails over, is back in this time; the heartbeats of a subagent go on meanwhile. */
const OUTAGE_MS = 30_000;
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * How long requests are sent again while the server is out of reach, throttles or fails. Unlike the SDK's own
 * strategies it has no budget of retries for the whole process: a few hundred subagents whose server is gone for a
 * second would use that up at once, and each would lose the answer it was about to write down.
 */
export class Patience implements RetryStrategy {
  #forMs = FIRST_CONTACT_MS;
  readonly #until = new WeakMap<Token, number>();

  /** The server has been there: from now on an outage is waited out. */
  grow(): void {
    this.#forMs = OUTAGE_MS;
  }

  acquireInitialRetryToken(): Promise<Token> {
    return Promise.resolve(this.#token(0, performance.now() + this.#forMs));
  }

  /** Waits, then gives the next try its token; rejects once it is of no use or the time is over. */
  async refreshRetryTokenForRetry(
    token: Token,
    { error, errorType, retryAfterHint }: Parameters<RetryStrategy['refreshRetryTokenForRetry']>[1],
  ): Promise<Token> {
    const until = this.#until.get(token)!;
    const count = token.getRetryCount();
    const longestMs = Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** count);
    const askedMs = (retryAfterHint?.getTime() ?? 0) - Date.now();
    const pauseMs = Math.max(askedMs, longestMs * (0.5 + Math.random() / 2));
    const isFinal = errorType === 'CLIENT_ERROR' || isFull(error);
    if (isFinal || performance.now() + pauseMs > until) throw new Error('no more tries');
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    return this.#token(count + 1, until);
  }

  recordSuccess(): void {
    // Nothing is counted.
  }

  #token(count: number, until: number): Token {
    const token: Token = { getRetryCount: () => count, getRetryDelay: () => 0 };
    this.#until.set(token, until);
    return token;
  }
}
