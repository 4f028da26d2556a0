import { AnthropicError, APIConnectionError, APIError, APIUserAbortError } from '@anthropic-ai/sdk';
import { FAILURES } from '../../workflows/contract/failures.ts';
import { ClaudeTrouble, type Verdict } from './claude.ts';

/** What only the caller of the SDK knows about a call that failed. */
export interface Circumstances {
  /** Our own watchdog ended it. */
  hasStalled: boolean;
  /** A success status had come, so the model was at work. */
  hasBegun: boolean;
  requestId: string | null;
}

/**
 * What to do about anything the SDK throws (reference/anthropic.md §5). Decides by error code, then type or status, never by
 * text. A cancelled call is not trouble: the caller looks at its own signal first.
 */
export function claudeTrouble(error: unknown, circumstances: Circumstances): ClaudeTrouble {
  const { hasStalled, hasBegun } = circumstances;
  const requestId = (error instanceof APIError ? error.requestID : undefined) ?? circumstances.requestId;
  const trouble = (verdict: Verdict, mayBeBilled: boolean, message = messageOf(error)): ClaudeTrouble =>
    new ClaudeTrouble(message, { verdict, mayBeBilled, requestId, cause: error });

  if (hasStalled) return trouble(BROKEN, true, 'Claude fell silent in the middle of a call');
  if (error instanceof APIConnectionError) return trouble(BROKEN, !isUnsent(error), connectionMessage(error));
  if (error instanceof APIUserAbortError) return trouble(BROKEN, true);
  if (error instanceof APIError) return trouble(verdictOf(error), error.status === undefined, apiMessage(error));
  // Cut or ended early: the SDK throws its plain class, and undici's own errors when reading the body.
  if (hasBegun) return trouble(BROKEN, true, `the answer of Claude broke off: ${messageOf(error)}`);
  // Thrown before anything was sent: our own request is at fault, and every repetition of it would be.
  return trouble({ act: 'fatal', type: FAILURES.internal }, !(error instanceof AnthropicError));
}

const BROKEN: Verdict = { act: 'retry', isRefusal: false };

/** Key disabled or unreachable for a while: the provider's documents speak of minutes. */
const KEY_CONTEXT_WAIT_MS = 120_000;

/** A mid-stream error event has no status: that of its type. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  conflict_error: 409,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** Spend caps and closed purses: no repetition helps before a person or the calendar acts. */
const USAGE_LIMIT_CODES: ReadonlySet<string> = new Set([
  'enforced_spend_limit_reached',
  'contract_spend_limit_reached',
  'linked_organization_spend_limit_reached',
  'linked_organization_billing_unavailable',
  'organization_on_hold',
]);

function verdictOf(error: APIError): Verdict {
  const status = error.status ?? STATUS_OF_TYPE[error.type ?? ''] ?? 400;
  const code = error.errorCode ?? '';
  if (USAGE_LIMIT_CODES.has(code) || status === 402) return pause('usage_limit', error);
  if (status === 401 || status === 403) return pause('authentication', error);
  if (status === 408 || status === 409 || status === 429 || status >= 500) {
    const afterMs =
      retryAfterMs(error.headers) ?? (code === 'cmek_context_unavailable' ? KEY_CONTEXT_WAIT_MS : undefined);
    return {
      act: 'retry',
      isRefusal: status === 429 || status === 529,
      ...(status === 529 && code !== 'compaction_unavailable' ? { isOverload: true } : {}),
      ...(afterMs === undefined ? {} : { afterMs }),
    };
  }
  return { act: 'fatal', type: fatalType(error, status) };
}

function pause(reason: 'usage_limit' | 'authentication', error: APIError): Verdict {
  const afterMs = reason === 'usage_limit' ? retryAfterMs(error.headers) : undefined;
  return { act: 'pause', reason, ...(afterMs === undefined ? {} : { resetAtMs: Date.now() + afterMs }) };
}

/** `retry-after-ms`, else `retry-after` in seconds or as a date; undefined when absent, unreadable or not in the future. */
function retryAfterMs(headers: Headers | undefined): number | undefined {
  const seconds = headers?.get('retry-after') ?? '';
  const candidates = [Number(headers?.get('retry-after-ms')), Number(seconds) * 1000, Date.parse(seconds) - Date.now()];
  const afterMs = candidates.find((ms) => ms > 0);
  return afterMs === undefined ? undefined : Math.ceil(afterMs);
}

function fatalType(error: APIError, status: number): string {
  if (error.errorCode !== null) return `Claude.${pascalCase(error.errorCode)}`;
  if (status === 413) return FAILURES.claudeContextTooLong;
  // The one look at a text: the API has no code for it. If its wording changes, the type is BadRequest and as fatal.
  if (status === 400 && /prompt is too long|exceed context limit/i.test(error.apiMessage ?? ''))
    return FAILURES.claudeContextTooLong;
  if (status === 400) return FAILURES.claudeBadRequest;
  if (status === 404 && error.type === 'not_found_error') return FAILURES.claudeUnknownModel;
  return `Claude.${pascalCase(error.type?.replace(/_error$/, '') ?? `http_${status}`)}`;
}

function pascalCase(snake: string): string {
  return snake.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Codes of connections that never came about, so not one byte of the request went out. */
const UNSENT: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'],
  ...['CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
]);

function isUnsent(error: APIConnectionError): boolean {
  return UNSENT.has(rootCause(error).code);
}

/** fetch says only "fetch failed"; what happened is its cause's cause. */
function rootCause(error: Error): { code: string; message: string } {
  let deepest = error;
  for (let depth = 0; depth < 5 && deepest.cause instanceof Error; depth += 1) deepest = deepest.cause;
  const code = 'code' in deepest && typeof deepest.code === 'string' ? deepest.code : '';
  return { code, message: deepest.message };
}

function connectionMessage(error: APIConnectionError): string {
  const { code, message } = rootCause(error);
  return `no answer from Claude: ${[code, message].filter((part) => part !== '').join(' ')}`;
}

function apiMessage(error: APIError): string {
  const what = error.apiMessage ?? error.message;
  return error.status === undefined ? `Claude gave up in the middle of its answer: ${what}` : `${error.status} ${what}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
