import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { costMicroUsd, modelFacts } from '../../activities/claude/prices.ts';
import { answerOf, spoil, type Answer } from './answer.ts';
import { betasOf, checkCredentials, checkMaxTokens, checkRequest } from './checks.ts';
import { summaryOf } from './compaction.ts';
import { editContext } from './context-edit.ts';
import { deliverStream, deliverWhole, type Delivered, type DeliveryPlan } from './delivery.ts';
import { drawLatencyMs, type Latency } from './direction.ts';
import { answerEvents, answerMessage, type FullUsage } from './events.ts';
import { isRefused } from './fault.ts';
import { refusal, type FaultPlan, type FaultRecord } from './fault-plan.ts';
import type { Journal, JournalEntry } from './journal.ts';
import type { InputUsage, PrefixCache } from './prefix-cache.ts';
import { badRequest, Problem } from './problem.ts';
import { seededRandom } from './random.ts';
import type { RateLimiter, Ticket } from './rate-limits.ts';
import type { ScriptRegistry } from './registry.ts';
import type { Reply, SimulatedRequest } from './script.ts';
import { readTranscript, turnOf } from './transcript.ts';

/** What one make-believe provider is made of. */
export interface Provider {
  scripts: ScriptRegistry;
  faults: FaultPlan;
  limiter: RateLimiter;
  cache: PrefixCache;
  journal: Journal;
  latency: Latency;
  windows: Readonly<Record<string, number>>;
  pingEveryMs: number;
  seed: string;
}

/** One call under way; filled in as it becomes known, and journalled whatever becomes of it. */
interface Call {
  provider: Provider;
  requestId: string;
  startedMs: number;
  /** Its leave of the rate limits, once it has it. */
  ticket?: Ticket;
  entry: Omit<JournalEntry, 'at' | 'requestId' | 'durationMs'>;
}

/** `POST /v1/messages`. Never throws: what goes wrong is answered in the API's shape. */
export async function answerMessages(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  rawBody: Buffer,
  requestId: string,
): Promise<void> {
  const call = openCall(provider, rawBody, requestId);
  try {
    await answer(call, request, response, rawBody);
  } catch (error) {
    const problem = error instanceof Problem ? error : new Problem(500, 'api_error', String(error));
    call.entry.status = problem.status;
    call.entry.outcome = 'refused';
    const headers = call.entry.model === '' ? {} : provider.limiter.headers(call.entry.model, Date.now());
    sendProblem(response, problem, requestId, headers);
  }
  closeCall(call);
}

export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  requestId: string,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent) return;
  const all = { 'content-type': 'application/json', ...headers, ...problem.headers, 'request-id': requestId };
  response.writeHead(problem.status, all);
  response.end(problem.body(requestId));
}

async function answer(
  call: Call,
  { headers }: IncomingMessage,
  response: ServerResponse,
  rawBody: Buffer,
): Promise<void> {
  const { provider, requestId, entry } = call;
  const version = headers['anthropic-version']?.toString();
  const apiKey = headers['x-api-key']?.toString();
  const caller = checkCredentials({ authorization: headers.authorization, apiKey, version });
  const betas = betasOf(headers['anthropic-beta']);
  const body = checkRequest(parseBody(rawBody), version, betas);
  checkMaxTokens(body);
  const request = readTranscript(body);
  Object.assign(entry, { model: body.model, agent: request.agent, turn: turnOf(body) });

  const fault = takeFault(call, request);
  const edited = editContext(body, betas);
  const { usage: input, begin } = provider.cache.meter(edited?.body ?? body, caller, Date.now());
  const windowLeft = leftOfWindow(provider, request, input);
  const { model, max_tokens: maxTokens } = body;
  call.ticket = provider.limiter.admit({ model, inputTokens: chargedInput(input), maxTokens }, Date.now());
  const reply = await think(call, request);
  const said = body.compaction ? summarise(call, request) : answerWithFaults(call, request, reply, windowLeft);
  const usage = fullUsage(input, said, reply);
  const plan: DeliveryPlan = {
    latencyMs: latencyOf(provider, request, entry.turn, reply),
    pingEveryMs: provider.pingEveryMs,
    fault,
    headers: { ...provider.limiter.headers(model, Date.now()), 'request-id': requestId },
    begin: () => begin(Date.now()),
  };
  const id = `msg_${requestId.slice(4)}`;
  const told = { answer: said, usage, isCompaction: Boolean(body.compaction), appliedEdits: edited?.applied };
  const delivered = body.stream
    ? await deliverStream(response, answerEvents(id, body.model, told), plan)
    : await deliverWhole(response, answerMessage(id, body.model, told), plan);
  bill(call, said, usage, delivered);
}

/** Throws it when it is a refusal. */
function takeFault({ provider, entry }: Call, request: SimulatedRequest): FaultRecord | undefined {
  const fault = provider.faults.take(request, entry.turn, false);
  if (fault === undefined) return undefined;
  entry.fault = fault.kind;
  if (isRefused(fault.kind)) throw refusal({ ...fault, kind: fault.kind }, Date.now());
  return fault;
}

/** Throws the API's 400 for a prompt that does not fit. */
function leftOfWindow({ windows }: Provider, { body, direction }: SimulatedRequest, input: InputUsage): number {
  const window = direction.window ?? windows[body.model] ?? modelFacts(body.model).contextTokens;
  const tokens = chargedInput(input) + input.cache_read_input_tokens;
  if (tokens > window) throw badRequest(`prompt is too long: ${tokens} tokens > ${window} maximum`);
  return window - tokens;
}

async function think({ provider, entry }: Call, request: SimulatedRequest): Promise<Reply> {
  const script = provider.scripts.find(request);
  entry.script = script.name;
  if (request.body.max_tokens === 0) return { blocks: [], stopReason: 'max_tokens' };
  const { turn } = entry;
  return await script.reply({ request, number: turn, random: seededRandom(seedOf(provider, request, turn)) });
}

function answerWithFaults(call: Call, request: SimulatedRequest, reply: Reply, windowLeft: number): Answer {
  return withFault(call, request, answerOf(reply, request, call.entry.turn, windowLeft));
}

/** A summary that does not end as one is none: the answer is empty. */
function summarise(call: Call, request: SimulatedRequest): Answer {
  call.entry.script = 'compaction';
  const answer = withFault(call, request, summaryOf(request, call.entry.turn));
  return answer.stopReason === 'compaction' ? answer : { ...answer, blocks: [] };
}

function withFault({ provider, entry }: Call, request: SimulatedRequest, answer: Answer): Answer {
  const fault = provider.faults.take(request, entry.turn, true);
  if (fault === undefined) return answer;
  const spoilt = spoil(answer, fault.kind, request.outputSchema);
  if (spoilt === undefined) provider.faults.putBack(fault);
  else entry.fault = fault.kind;
  return spoilt ?? answer;
}

/** The directive's latency wins over the script's, and that over the server's. */
function latencyOf(provider: Provider, request: SimulatedRequest, turn: number, reply: Reply): number {
  const { latency } = request.direction;
  if (latency === undefined && reply.latencyMs !== undefined) return reply.latencyMs;
  return drawLatencyMs(latency ?? provider.latency, seededRandom(`${seedOf(provider, request, turn)}/latency`));
}

function seedOf({ seed }: Provider, { agent, direction }: SimulatedRequest, turn: number): string {
  return `${seed}/${direction.seed ?? agent}/${turn}`;
}

function fullUsage(input: InputUsage, said: Answer, reply: Reply): FullUsage {
  const { ephemeral_5m_input_tokens: fiveMinutes, ephemeral_1h_input_tokens: oneHour } = input.cache_creation;
  const counted = { ...input, cache_creation_input_tokens: fiveMinutes + oneHour };
  return { ...counted, ...reply.usage, output_tokens: said.outputTokens };
}

/** The prompt is billed in any case, of the answer what was made before the connection ended. */
function bill({ entry }: Call, said: Answer, usage: FullUsage, delivered: Delivered): void {
  const { cache_creation, ...flat } = usage;
  const output = Math.ceil(usage.output_tokens * delivered.share);
  entry.usage = { ...flat, output_tokens: output };
  entry.billedMicroUsd = costMicroUsd(entry.model, { ...entry.usage, cache_creation });
  entry.stopReason = delivered.isWhole ? said.stopReason : null;
  entry.outcome = delivered.isWhole ? 'answered' : 'cut';
}

/** Of the prompt, what counts towards the input limit: all but what was read from the cache. */
function chargedInput({ input_tokens, cache_creation }: InputUsage): number {
  return input_tokens + cache_creation.ephemeral_5m_input_tokens + cache_creation.ephemeral_1h_input_tokens;
}

function openCall(provider: Provider, rawBody: Buffer, requestId: string): Call {
  provider.journal.begin(Date.now());
  return {
    provider,
    requestId,
    startedMs: Date.now(),
    entry: {
      ...{ model: '', bodyHash: hash('sha256', rawBody, 'hex').slice(0, 16), agent: '', turn: 0, script: '' },
      ...{ status: 200, outcome: 'answered', stopReason: null, billedMicroUsd: 0 },
      usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    },
  };
}

function closeCall({ provider, requestId, startedMs, ticket, entry }: Call): void {
  ticket?.settle(entry.usage.output_tokens, Date.now());
  const at = new Date(startedMs).toISOString();
  provider.journal.end({ at, requestId, durationMs: Date.now() - startedMs, ...entry });
}

function parseBody(rawBody: Buffer): unknown {
  try {
    return JSON.parse(rawBody.toString());
  } catch {
    throw badRequest('body: not valid JSON');
  }
}
