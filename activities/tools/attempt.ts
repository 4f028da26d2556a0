import { posix } from 'node:path';
import { decide, type Decision, type DenialReason, type PermissionRequest } from '../../workflows/policy/permission.ts';
import { hasTool } from '../../workflows/policy/shell-scope.ts';
import type { Log } from '../observe/log.ts';
import { compactInput } from './compact-input.ts';
import { denialText } from './denial-text.ts';
import { isKnownElsewhere, isMcpName } from './known-tools.ts';
import { errorCode, Refusal, ToolError } from './refusal.ts';
import { resolvePath, workingDirectory } from './resolved-path.ts';
import { structuredOutputDefinition } from './structured-output.ts';
import { cutText } from './text.ts';
import type { AllowedCall, InputFault, PreparedCall, Tool, ToolAnswer, ToolCall, ToolContext } from './tool.ts';

interface Station {
  log: Log;
  redact: (text: string) => string;
  tools: ReadonlyMap<string, Tool>;
}

type Refused = Extract<Decision, { allow: false }>;

/** One call on its way through the stations of the dispatcher: parse → permit → confine → run. */
export class Attempt {
  readonly #call: ToolCall;
  readonly #context: ToolContext;
  readonly #station: Station;

  constructor(call: ToolCall, context: ToolContext, station: Station) {
    this.#call = call;
    this.#context = context;
    this.#station = station;
  }

  async run(): Promise<ToolAnswer> {
    const { name, input } = this.#call;
    const tool = this.#station.tools.get(name);
    const prepared = tool?.prepare(input);
    if (prepared?.ok === false) return this.#faulty(prepared);
    try {
      if (tool && prepared) return await this.#runTool(tool, prepared);
      return isMcpName(name) ? await this.#runMcp() : this.#withoutTool();
    } catch (error) {
      return this.#failed(error, prepared);
    }
  }

  /** An input nobody can read: what was never granted is refused for that all the same. */
  #faulty({ reason, message }: InputFault): ToolAnswer {
    const { name } = this.#call;
    if (!hasTool({ ...this.#context.grant, mode: 'dontAsk' }, name))
      return this.#refuse({ allow: false, reason: 'NOT_GRANTED' }, name);
    return reason ? this.#deny(reason, `Denied (${reason}): ${message}`) : failure(message);
  }

  /** A name no tool answers to. */
  #withoutTool(): ToolAnswer {
    const { name } = this.#call;
    if (name === structuredOutputDefinition.name) return failure('StructuredOutput is not available for this call.');
    if (isKnownElsewhere(name)) return this.#refuse({ allow: false, reason: 'NOT_GRANTED' }, name);
    const known = [...this.#station.tools.keys(), structuredOutputDefinition.name].sort();
    return failure(`There is no tool ${quoted(name)}. There are ${known.join(', ')}.`);
  }

  async #runTool(tool: Tool, prepared: PreparedCall): Promise<ToolAnswer> {
    const { workspace, grant, signal } = this.#context;
    const directory = workingDirectory(workspace);
    const target = await resolvePath(prepared.path ?? '.', workspace);
    const request = this.#request(tool.kind, directory, {
      ...(isAboutPaths(tool.kind) && { paths: target.spellings }),
      ...(tool.kind === 'command' && { command: prepared.command ?? '' }),
      ...(tool.kind === 'fetch' && { host: hostOf(prepared.url) }),
    });
    const decision = decide(request, grant);
    if (!decision.allow) {
      const { detail, ...refused } = decision;
      const isPart = decision.reason !== 'BAD_COMMAND';
      const about = tool.kind === 'other' ? this.#call.name : subject(prepared, isPart ? detail : undefined);
      return this.#refuse(isPart ? refused : decision, about);
    }
    if (tool.kind === 'edit' && !workspace.mayWrite)
      throw new Refusal('NOT_GRANTED', 'this workspace is shared and read-only');
    this.#allowed(request, decision.rule);
    const reader = isAboutPaths(tool.kind) ? request.tool : 'Read';
    const allowed: AllowedCall = {
      ...this.#context,
      target,
      mayFetch: (host) => decide({ ...request, tool: 'WebFetch', kind: 'fetch', paths: [], host }, grant).allow,
      mayRead: (path) => decide({ ...request, tool: reader, kind: 'read', paths: [path] }, grant).allow,
      show: (path) => posix.relative(`/${directory}`, `/${path}`) || '.',
    };
    const { content, hasWritten = false, isPending } = await prepared.run(allowed);
    signal.throwIfAborted();
    return { content, isError: false, hasWritten, ...(isPending && { isPending }) };
  }

  /** A tool of an MCP server: the grant, then the server's standing, then whether it has such a tool. */
  async #runMcp(): Promise<ToolAnswer> {
    const { name, input } = this.#call;
    const { workspace, grant, mcp, signal } = this.#context;
    const request = this.#request('other', workingDirectory(workspace), {});
    const decision = decide(request, grant);
    if (!decision.allow) return this.#refuse(decision, name);
    const refused = mcp?.refusal(name);
    if (refused) return this.#refuse({ allow: false, reason: refused.reason, detail: refused.message }, name);
    const offered = (mcp?.definitions ?? []).map((definition) => definition.name);
    if (!mcp || !offered.includes(name))
      return failure(`There is no tool ${quoted(name)}. The task’s MCP servers offer ${offered.join(', ') || 'none'}.`);
    if (!isObject(input)) return failure(`The input of ${name} must be an object.`);
    this.#allowed(request, decision.rule);
    const { content, isError } = await mcp.call(name, input, signal);
    signal.throwIfAborted();
    return { content, isError, hasWritten: false };
  }

  #request(kind: PermissionRequest['kind'], directory: string, about: Partial<PermissionRequest>): PermissionRequest {
    const { name, input } = this.#call;
    const root = this.#context.workspace.root;
    return { tool: name, kind, directory, paths: [], root, ...(isObject(input) && { input }), ...about };
  }

  #allowed({ tool, paths, command, host }: PermissionRequest, rule: string): void {
    const short = (text: string): string => cutText(this.#station.redact(text), 200);
    const about = {
      ...(paths.length > 0 && { paths: paths.map(short) }),
      ...(command !== undefined && { command: short(command) }),
      ...(host !== undefined && { host }),
    };
    this.#station.log.debug({ tool, rule, ...about }, 'tool call allowed');
  }

  #failed(error: unknown, prepared: PreparedCall | undefined): ToolAnswer {
    const { signal } = this.#context;
    if (signal.aborted) throw signal.reason;
    if (error instanceof Refusal) {
      const refused: Refused = { allow: false, reason: error.reason, detail: error.message };
      return this.#refuse(refused, prepared && subject(prepared, undefined));
    }
    if (error instanceof ToolError) return failure(error.message, error.hasWritten);
    const code = errorCode(error);
    if (code === 'ENOSPC' || code === 'EDQUOT') throw error;
    this.#station.log.error({ tool: this.#call.name, err: error }, 'tool failed');
    return failure(`${this.#call.name} failed${code === undefined ? '' : ` (${code})`}. Try another way.`);
  }

  #refuse(refused: Refused, about: string | undefined): ToolAnswer {
    return this.#deny(refused.reason, denialText(refused, about, this.#context.grant), refused.rule);
  }

  #deny(reason: DenialReason, content: string, rule?: string): ToolAnswer {
    const { log, redact } = this.#station;
    const input = compactInput(this.#call.input, redact);
    const tool = cutText(this.#call.name, 100);
    log.info({ tool, reason, rule, input }, 'tool call denied');
    return { content, isError: true, denial: { tool, input, reason }, hasWritten: false };
  }
}

const isAboutPaths = (kind: Tool['kind']): boolean => !['command', 'fetch', 'other'].includes(kind);

/** As `PermissionRequest.host`; a URL of another scheme has none that is granted. */
function hostOf(url: URL | undefined): string {
  return url && /^https?:$/.test(url.protocol) ? url.hostname.replace(/\.$/, '') : '';
}

/** What a refusal is about: the part of a command rather than all of it, the host, or the path as the model wrote it. */
function subject({ path, command, url }: PreparedCall, part: string | undefined): string | undefined {
  if (url) return url.host;
  if (command === undefined) return path;
  return part === undefined || part === command.trim() ? command : `the part "${part}" of the command`;
}

const quoted = (name: string): string => cutText(JSON.stringify(name), 100);

function isObject(input: unknown): input is Record<string, unknown> {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}

function failure(content: string, hasWritten = false): ToolAnswer {
  return { content, isError: true, hasWritten };
}
