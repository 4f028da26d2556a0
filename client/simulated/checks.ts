import { hash } from 'node:crypto';
import type Anthropic from '@anthropic-ai/sdk';
import { findModel, modelFacts } from '../../activities/claude/prices.ts';
import { checkCompaction, leadingSummary } from './compaction.ts';
import { badRequest, Problem } from './problem.ts';
import type { RequestBody } from './script.ts';
import { blocksOf } from './transcript.ts';

const VERSIONS: ReadonlySet<string> = new Set(['2023-06-01', '2026-10-21']);
const SAMPLING = ['temperature', 'top_p', 'top_k'] as const;
/** They choose for themselves: no forced tool, no prefilled answer. */
const NEWEST = /^claude-(opus-5-5|sonnet-5-5|haiku-5-5|fable-5|mythos-5)/;
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

export interface Credentials {
  authorization?: string | undefined;
  apiKey?: string | undefined;
  version?: string | undefined;
}

/** Either header will do, as at the API. Returns what names the caller. Throws a 401 or 400. */
export function checkCredentials({ authorization, apiKey, version }: Credentials): string {
  const bearer = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
  const key = bearer ?? (apiKey?.trim() || undefined);
  if (key === undefined) throw new Problem(401, 'authentication_error', 'x-api-key header is required');
  if (version === undefined) throw badRequest('anthropic-version: header is required');
  if (!VERSIONS.has(version)) throw badRequest(`anthropic-version: "${version}" is not a valid version`);
  return key;
}

/** Refuses what the API refuses. Throws a 400 or, for a model nobody knows, a 404. `betas`: those of the request's header. */
export function checkRequest(json: unknown, version: string | undefined, betas: readonly string[]): RequestBody {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw badRequest('body: a JSON object is needed');
  const body = json as RequestBody;
  if (typeof body.model !== 'string') throw badRequest('model: Field required');
  if (!findModel(body.model)) throw new Problem(404, 'not_found_error', `model: ${body.model}`);
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    throw badRequest('messages: at least one message is required');
  }
  checkParameters(body, version);
  checkTools(body);
  checkMessages(body);
  checkCompaction(body, betas);
  return body;
}

/** As `checkRequest`, for a call that is to be answered. */
export function checkMaxTokens(body: RequestBody): void {
  const { maxOutputTokens } = modelFacts(body.model);
  if (!Number.isSafeInteger(body.max_tokens) || body.max_tokens < 0) throw badRequest('max_tokens: Field required');
  if (body.max_tokens > maxOutputTokens) {
    throw badRequest(`max_tokens: ${body.max_tokens} > ${maxOutputTokens}, the maximum of ${body.model}`);
  }
}

function checkParameters(body: RequestBody, version: string | undefined): void {
  const sampling = SAMPLING.find((name) => name in body);
  if (sampling !== undefined && (version === '2026-10-21' || NEWEST.test(body.model))) {
    throw badRequest(`${sampling}: sampling parameters are not supported`);
  }
  const forced = body.tool_choice?.type === 'any' || body.tool_choice?.type === 'tool';
  if (forced && NEWEST.test(body.model))
    throw badRequest(`tool_choice: ${body.model} does not support forced tool use`);
  const facts = modelFacts(body.model);
  if (body.thinking?.type === 'disabled' && !facts.thinking.includes('disabled')) {
    throw badRequest(`thinking: ${body.model} cannot disable thinking`);
  }
  const effort = body.output_config?.effort;
  if (effort !== undefined && effort !== null && !facts.efforts.includes(effort)) {
    throw badRequest(`output_config.effort: ${body.model} does not support "${effort}"`);
  }
}

/** What stands in the `anthropic-beta` header. */
export function betasOf(header: string | string[] | undefined): string[] {
  return [header ?? []].flat().flatMap((value) => value.split(',').map((beta) => beta.trim()));
}

function checkTools(body: RequestBody): void {
  if (body.tool_choice && !body.tools?.length) {
    throw badRequest('tool_choice: may only be specified while providing tools');
  }
  const seen = new Set<string>();
  for (const tool of body.tools ?? []) {
    const name = 'name' in tool ? tool.name : '';
    if (!TOOL_NAME.test(name)) throw badRequest(`tools: "${name}" is not a tool name`);
    if (seen.has(name)) throw badRequest(`tools: Tool names must be unique: ${name}`);
    seen.add(name);
  }
}

function checkMessages({ model, messages, compaction }: RequestBody): void {
  if (messages[0]?.role !== 'user' && leadingSummary({ messages }) === undefined) {
    throw badRequest('messages: first message must use the "user" role');
  }
  if (!compaction && NEWEST.test(model) && messages.at(-1)?.role === 'assistant') {
    throw badRequest(`messages: ${model} does not support a prefilled answer`);
  }
  let open: Set<string> = new Set();
  messages.forEach((message, at) => {
    if (!['user', 'assistant', 'system'].includes(message.role))
      throw badRequest(`messages.${at}.role: ${message.role}`);
    if (message.content.length === 0) throw badRequest(`messages.${at}: content must be non-empty`);
    const blocks = blocksOf(message);
    if (blocks.some((block) => block.type === 'text' && block.text === '')) {
      throw badRequest(`messages.${at}: text content blocks must be non-empty`);
    }
    if (message.role === 'user') checkAnswered(blocks, open, at);
    if (message.role !== 'system')
      open = new Set(blocks.flatMap((block) => (block.type === 'tool_use' ? [block.id] : [])));
    checkThinking(blocks, at);
  });
}

/** Every tool call is answered in the very next user message, and nothing else is. */
function checkAnswered(blocks: readonly Anthropic.ContentBlockParam[], open: ReadonlySet<string>, at: number): void {
  const answered = new Set(blocks.flatMap((block) => (block.type === 'tool_result' ? [block.tool_use_id] : [])));
  const missing = [...open].find((id) => !answered.has(id));
  if (missing !== undefined) {
    throw badRequest(
      `messages.${at}: tool_use ids were found without tool_result blocks immediately after: ${missing}`,
    );
  }
  const stray = [...answered].find((id) => !open.has(id));
  if (stray !== undefined) throw badRequest(`messages.${at}: unexpected tool_use_id in tool_result blocks: ${stray}`);
}

function checkThinking(blocks: readonly Anthropic.ContentBlockParam[], at: number): void {
  for (const block of blocks) {
    if (block.type === 'thinking' && 'cache_control' in block) {
      throw badRequest(`messages.${at}: thinking blocks cannot carry cache_control`);
    }
    if (block.type === 'thinking' && block.signature !== signatureOf(block.thinking)) {
      throw badRequest(`messages.${at}: thinking blocks cannot be modified`);
    }
  }
}

/** Binds a thinking block to its text, so that a changed transcript is found out. */
export function signatureOf(thinking: string): string {
  return `simulated.${hash('sha1', thinking, 'base64url')}`;
}
