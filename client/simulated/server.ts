import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTick } from 'node:timers/promises';
import { betasOf, checkCredentials, checkRequest } from './checks.ts';
import { readLatency, type Latency } from './direction.ts';
import { readFaultSpec, type FaultSpec } from './fault.ts';
import { FaultPlan } from './fault-plan.ts';
import { Journal, type SimulatedStats } from './journal.ts';
import { answerMessages, sendProblem, type Provider } from './messages.ts';
import { modelInfo, modelList } from './models.ts';
import { PrefixCache, promptTokens } from './prefix-cache.ts';
import { badRequest, Problem } from './problem.ts';
import { RateLimiter, type RateLimits } from './rate-limits.ts';
import { loadScripts, ScriptRegistry } from './registry.ts';
import type { AgentScript } from './script.ts';

export interface SimulatedOptions {
  /** 0 or left out: any free one. */
  port?: number;
  host?: string;
  /** Agents, or paths of modules that export them; asked in this order, the generic agent last. */
  scripts?: readonly (AgentScript | string)[];
  faults?: readonly FaultSpec[];
  /** File for one JSON line a call; appended to. */
  journal?: string;
  /** Of a call nothing else says more about: milliseconds, or as a directive has it (`30ms-80ms`, the default). */
  latency?: number | string;
  /** Context windows in tokens, by model; those of the price table else. */
  windows?: Readonly<Record<string, number>>;
  limits?: RateLimits;
  /** Between pings of an answer that takes long. */
  pingEveryMs?: number;
  seed?: string;
}

export interface SimulatedClaude {
  url: string;
  port: number;
  stats(): SimulatedStats;
  addFault(fault: FaultSpec): void;
  /** Those given change, the rest stays; every bucket is full again. */
  setLimits(limits: RateLimits): void;
  /** Ends at once, calls under way included. Safe to call twice. */
  close(): Promise<void>;
}

const DEFAULT_LATENCY = '30ms-80ms';
const DEFAULT_PING_MS = 5_000;
/** The API's own limit as commonly stated for its messages endpoint; not looked up for this version. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** A thousand agents connect in the same millisecond; past the usual 511 the system drops them and they wait a second. */
const BACKLOG = 4_096;
const CLOSING_TICKS = 20;

/** A server of the Messages API whose Claude is scripted. Rejects when the port is taken or a script cannot be loaded. */
export async function startSimulatedClaude(options: SimulatedOptions = {}): Promise<SimulatedClaude> {
  const provider = await createProvider(options);
  const server = createServer({ keepAliveTimeout: 120_000, requestTimeout: 0 }, (request, response) => {
    void handle(provider, request, response);
  });
  const host = options.host ?? '127.0.0.1';
  await listen(server, options.port ?? 0, host);
  const { port } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    stats: () => provider.journal.stats(provider.faults.fired()),
    addFault: (fault) => void provider.faults.add(fault),
    setLimits: (limits) => provider.limiter.change(limits),
    close: () => (closing ??= stop(server, provider)),
  };
}

async function createProvider(options: SimulatedOptions): Promise<Provider> {
  const loaded = (options.scripts ?? []).map(async (one) => (typeof one === 'string' ? await loadScripts(one) : [one]));
  const faults = new FaultPlan();
  for (const fault of options.faults ?? []) faults.add(readFaultSpec(fault));
  return {
    scripts: new ScriptRegistry((await Promise.all(loaded)).flat()),
    faults,
    limiter: new RateLimiter({ ...options.limits }),
    cache: new PrefixCache(),
    windows: options.windows ?? {},
    latency: latencyOf(options.latency ?? DEFAULT_LATENCY),
    pingEveryMs: options.pingEveryMs ?? DEFAULT_PING_MS,
    seed: options.seed ?? '',
    journal: new Journal(options.journal),
  };
}

function latencyOf(given: number | string): Latency {
  return typeof given === 'string' ? readLatency(given) : { min: given, max: given, sigma: 0 };
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: BACKLOG }, resolve);
  });
}

async function stop(server: Server, provider: Provider): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
  // Calls under way hear of it in the next few ticks and are journalled as cut; a script that never answers is not waited for.
  for (let ticks = 0; ticks < CLOSING_TICKS && provider.journal.inFlight > 0; ticks += 1) await nextTick();
  provider.journal.close();
}

let requests = 0;

async function handle(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  requests += 1;
  const requestId = `req_sim_${Date.now().toString(36)}${requests.toString(36).padStart(6, '0')}`;
  const path = request.url?.split('?', 1)[0] ?? '/';
  try {
    const body = await readBody(request);
    if (body === undefined) return;
    if (request.method === 'POST' && path === '/v1/messages') {
      await answerMessages(provider, request, response, body, requestId);
    } else {
      sendJson(response, route(provider, request, path, body), requestId);
    }
  } catch (error) {
    const problem = error instanceof Problem ? error : new Problem(500, 'api_error', String(error));
    sendProblem(response, problem, requestId);
  }
}

function route(provider: Provider, request: IncomingMessage, path: string, body: Buffer): unknown {
  switch (`${request.method} ${path}`) {
    case 'GET /__simulated/stats':
      return provider.journal.stats(provider.faults.fired());
    case 'GET /__simulated/faults':
      return { faults: provider.faults.list() };
    case 'POST /__simulated/faults':
      return provider.faults.add(readFaultSpec(parse(body)));
    case 'DELETE /__simulated/faults':
      provider.faults.clear();
      return { faults: provider.faults.list() };
  }
  const { headers } = request;
  const version = headers['anthropic-version']?.toString();
  checkCredentials({ authorization: headers.authorization, apiKey: headers['x-api-key']?.toString(), version });
  if (request.method === 'POST' && path === '/v1/messages/count_tokens') {
    return { input_tokens: promptTokens(checkRequest(parse(body), version, betasOf(headers['anthropic-beta']))) };
  }
  if (request.method === 'GET' && path === '/v1/models') return modelList();
  if (request.method === 'GET' && path.startsWith('/v1/models/')) return modelInfo(decodeURIComponent(path.slice(11)));
  throw new Problem(404, 'not_found_error', `${request.method} ${path}: not found`);
}

function sendJson(response: ServerResponse, value: unknown, requestId: string): void {
  const body = JSON.stringify(value);
  const length = Buffer.byteLength(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length, 'request-id': requestId });
  response.end(body);
}

/** The whole body, or undefined when the caller left. Rejects with a 413 past the API's limit. */
function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      // What is too long is read to its end, so that the caller gets to see the answer.
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    request.on('end', () => {
      if (size > MAX_BODY_BYTES) reject(new Problem(413, 'request_too_large', 'Request exceeds the maximum size'));
      else resolve(Buffer.concat(chunks));
    });
    request.on('close', () => resolve(undefined));
    request.on('error', () => resolve(undefined));
  });
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw badRequest('body: not valid JSON');
  }
}
