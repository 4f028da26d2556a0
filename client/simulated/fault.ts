import { badRequest } from './problem.ts';

/** Answered with an error status before the model begins; nothing is billed. */
export const REFUSED_FAULTS = {
  bad_request: { status: 400, type: 'invalid_request_error', message: 'messages: simulated fault' },
  prompt_too_long: {
    status: 400,
    type: 'invalid_request_error',
    message: 'prompt is too long: 1000001 tokens > 1000000 maximum',
  },
  authentication: { status: 401, type: 'authentication_error', message: 'invalid x-api-key' },
  billing: { status: 402, type: 'billing_error', message: 'Your credit balance is too low.' },
  permission: { status: 403, type: 'permission_error', message: 'Your API key may not use this resource.' },
  not_found: { status: 404, type: 'not_found_error', message: 'model: simulated fault' },
  request_timeout: { status: 408, type: 'timeout_error', message: 'Request timed out.' },
  conflict: { status: 409, type: 'conflict_error', message: 'Conflict.' },
  too_large: { status: 413, type: 'request_too_large', message: 'Request exceeds the maximum size.' },
  unprocessable: { status: 422, type: 'unprocessable_entity_error', message: 'Unprocessable entity.' },
  rate_limit: {
    status: 429,
    type: 'rate_limit_error',
    retryAfter: '1',
    message: 'This request would exceed your rate limit.',
  },
  ramp_limit: {
    status: 429,
    type: 'rate_limit_error',
    code: 'ramp_limit_exceeded',
    retryAfter: '2',
    message: 'Your usage grows faster than your ramp limit.',
  },
  spend_limit: {
    status: 429,
    type: 'rate_limit_error',
    code: 'enforced_spend_limit_reached',
    message: 'You have reached your API usage threshold for this month.',
  },
  contract_spend_limit: {
    status: 429,
    type: 'rate_limit_error',
    code: 'contract_spend_limit_reached',
    message: 'You have reached the spend limit of your contract.',
  },
  server_error: { status: 500, type: 'api_error', message: 'Internal server error' },
  bad_gateway: { status: 502, type: 'api_error', message: 'Bad gateway' },
  unavailable: { status: 503, type: 'api_error', message: 'Service unavailable' },
  gateway_timeout: { status: 504, type: 'timeout_error', message: 'Gateway timeout' },
  overloaded: { status: 529, type: 'overloaded_error', message: 'Overloaded' },
  /** Befalls only requests for a summary. */
  compaction_unavailable: {
    status: 529,
    type: 'overloaded_error',
    code: 'compaction_unavailable',
    message: 'The compaction could not be completed.',
  },
} as const satisfies Record<
  string,
  { status: number; type: string; message: string; code?: string; retryAfter?: string }
>;

/** What goes wrong on the wire while the answer is under way. The call is billed for what it had made by then. */
const DELIVERY_FAULTS = [
  'reset', // the connection dies before any header
  'stall_before_headers',
  'mid_stream_error', // an SSE error event, `errorType` (overloaded_error)
  'cut', // the connection dies in the middle
  'early_end', // the stream ends properly, before message_stop
  'stall', // silence in the middle, for ever
  'stall_with_pings',
  'slow_tokens', // `delayMs` (50) between two deltas
] as const;

/** What goes wrong with the answer itself, which arrives whole and is billed. */
const ANSWER_FAULTS = [
  'refusal',
  'max_tokens', // the text stops half way
  'max_tokens_in_tool', // a tool call stops before the first key of its input
  'broken_tool_json', // a tool call whose input is not JSON
  'malformed_tool_input', // a tool call whose input has none of its keys
  'malformed_structured_output', // a StructuredOutput call that does not fit the schema
] as const;

export type RefusedFault = keyof typeof REFUSED_FAULTS;
export type DeliveryFault = (typeof DELIVERY_FAULTS)[number];
export type AnswerFault = (typeof ANSWER_FAULTS)[number];
export type FaultKind = RefusedFault | DeliveryFault | AnswerFault;

/**
 * When and how something goes wrong. Without limits it befalls every call it matches; calls it cannot befall (a tool fault
 * where no tool is called) do not count.
 */
export interface FaultSpec {
  kind: FaultKind;
  /** Only calls whose first user message contains this. */
  match?: string;
  /** Only calls of this model. */
  model?: string;
  /** Only this turn of an agent, from 1. */
  turn?: number;
  /** Spares the first N matching calls. */
  after?: number;
  /** Only each N-th of those. */
  every?: number;
  /** At most this often. */
  count?: number;
  /** `retry-after` verbatim; `date+30` makes a date in 30 s, `none` leaves it out. */
  retryAfter?: string;
  retryAfterMs?: number;
  /** Type of a mid-stream error event. */
  errorType?: string;
  delayMs?: number;
}

const KINDS: ReadonlySet<string> = new Set([...Object.keys(REFUSED_FAULTS), ...DELIVERY_FAULTS, ...ANSWER_FAULTS]);
const WORDS = ['match', 'model', 'retryAfter', 'errorType'] as const;
const COUNTS = ['turn', 'after', 'every', 'count', 'retryAfterMs', 'delayMs'] as const;

/** Checks a fault that came as JSON. Throws a 400 that says what is wrong. */
export function readFaultSpec(json: unknown): FaultSpec {
  if (typeof json !== 'object' || json === null) throw badRequest('fault: an object is needed');
  const given = new Map(Object.entries(json));
  const kind: unknown = given.get('kind');
  if (typeof kind !== 'string' || !KINDS.has(kind)) {
    throw badRequest(`fault: unknown kind ${JSON.stringify(kind)}; known: ${[...KINDS].join(', ')}`);
  }
  const spec: FaultSpec = { kind: kind as FaultKind };
  for (const key of WORDS) {
    const value: unknown = given.get(key);
    if (value === undefined) continue;
    if (typeof value !== 'string' && typeof value !== 'number') throw badRequest(`fault: ${key} must be a text`);
    spec[key] = String(value);
  }
  for (const key of COUNTS) {
    const value: unknown = given.get(key);
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw badRequest(`fault: ${key} must be a whole number`);
    spec[key] = value as number;
  }
  const unknown = [...given.keys()].find(
    (key) => key !== 'kind' && ![...WORDS, ...COUNTS].some((known) => known === key),
  );
  if (unknown !== undefined)
    throw badRequest(`fault: unknown key ${unknown}; known: kind, ${[...WORDS, ...COUNTS].join(', ')}`);
  return spec;
}

export function isRefused(kind: FaultKind): kind is RefusedFault {
  return kind in REFUSED_FAULTS;
}

export function isOfAnswer(kind: FaultKind): kind is AnswerFault {
  return ANSWER_FAULTS.some((known) => known === kind);
}
