import { posix } from 'node:path';
import { rgPath } from '@vscode/ripgrep';
import { decide, type DenialReason, type PermissionRequest } from '../../workflows/policy/permission.ts';
import type { Log } from '../observe/log.ts';
import { compactInput } from './compact-input.ts';
import { denialText } from './denial-text.ts';
import { createEditTool } from './edit.ts';
import { createGlobTool } from './glob.ts';
import { createGrepTool } from './grep.ts';
import { isKnownElsewhere } from './known-tools.ts';
import { PathLock } from './path-lock.ts';
import { createReadTool } from './read.ts';
import { errorCode, Refusal, ToolError } from './refusal.ts';
import { resolvePath, workingDirectory } from './resolved-path.ts';
import { structuredOutputDefinition } from './structured-output.ts';
import { count, cutText, withoutControls } from './text.ts';
import type { AllowedCall, PreparedCall, Tool, ToolAnswer, ToolCall, ToolContext, ToolDispatcher } from './tool.ts';
import { createWriteTool } from './write.ts';

/** Behind the tools' own limits: about 30,000 tokens. */
const MAX_ANSWER_CHARS = 120_000;
const SEARCH_TIMEOUT_MS = 30_000;

export interface ToolDispatcherOptions {
  /** Absolute path of the ripgrep binary; default: the one of `@vscode/ripgrep`. */
  ripgrep?: string;
  log: Log;
  /** How long one search may take before it answers with what it has; default 30 s. */
  searchTimeoutMs?: number;
}

/** One per worker: edits of one file by any of its subagents wait for each other. */
export function createToolDispatcher({ ripgrep, log, searchTimeoutMs }: ToolDispatcherOptions): ToolDispatcher {
  const lock = new PathLock();
  const rg = { binary: ripgrep ?? rgPath, timeoutMs: searchTimeoutMs ?? SEARCH_TIMEOUT_MS };
  const all = [createEditTool(lock), createGlobTool(rg), createGrepTool(rg), createReadTool(), createWriteTool(lock)];
  const tools = new Map(all.map((tool) => [tool.definition.name, tool]));
  const definitions = [...all.map(({ definition }) => definition), structuredOutputDefinition]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((definition) => Object.freeze(definition));

  return {
    definitions: Object.freeze(definitions),
    async run(call, context) {
      context.signal.throwIfAborted();
      const tool = tools.get(call.name);
      const attempt = new Attempt(call, context, log);
      const answer = tool ? await attempt.run(tool) : attempt.withoutTool(definitions.map(({ name }) => name));
      return { ...answer, content: presentable(answer.content) };
    },
  };
}

function presentable(text: string): string {
  const more = (missing: number): string =>
    `\n\n(Cut: ${count(missing, 'character')} more. Ask for less at once: a narrower path, pattern or range.)`;
  return cutText(withoutControls(text), MAX_ANSWER_CHARS, more);
}

/** One call on its way through the stations. */
class Attempt {
  readonly #call: ToolCall;
  readonly #context: ToolContext;
  readonly #log: Log;

  constructor(call: ToolCall, context: ToolContext, log: Log) {
    this.#call = call;
    this.#context = context;
    this.#log = log;
  }

  async run(tool: Tool): Promise<ToolAnswer> {
    const prepared = tool.prepare(this.#call.input);
    if (!prepared.ok) {
      return prepared.reason ? this.#deny(prepared.reason, prepared.message) : failure(prepared.message);
    }
    try {
      return await this.#permitted(tool, prepared);
    } catch (error) {
      return this.#failed(error, prepared.path);
    }
  }

  /** A name no tool answers to. */
  withoutTool(known: readonly string[]): ToolAnswer {
    const { name } = this.#call;
    if (name === structuredOutputDefinition.name) return failure('StructuredOutput is not available for this call.');
    if (isKnownElsewhere(name)) return this.#deny('NOT_GRANTED', denialText('NOT_GRANTED', name, this.#context.grant));
    return failure(`There is no tool ${cutText(JSON.stringify(name), 100)}. There are ${known.join(', ')}.`);
  }

  async #permitted(tool: Tool, prepared: PreparedCall): Promise<ToolAnswer> {
    const { workspace, grant, signal } = this.#context;
    const { kind } = tool;
    const directory = workingDirectory(workspace);
    const target = await resolvePath(prepared.path ?? '.', workspace);
    const request: PermissionRequest = { tool: this.#call.name, kind, directory, paths: target.spellings };
    const decision = decide(request, grant);
    if (!decision.allow)
      return this.#deny(
        decision.reason,
        denialText(decision.reason, prepared.path, grant, decision.rule),
        decision.rule,
      );
    if (kind === 'edit' && !workspace.mayWrite)
      throw new Refusal('NOT_GRANTED', 'this workspace is shared and read-only');
    this.#log.debug({ tool: request.tool, rule: decision.rule, paths: request.paths.map(short) }, 'tool call allowed');
    const allowed: AllowedCall = {
      ...this.#context,
      target,
      mayFetch: (host) => decide({ ...request, kind: 'fetch', paths: [], host }, grant).allow,
      mayRead: (path) => decide({ ...request, kind: 'read', paths: [path] }, grant).allow,
      show: (path) => posix.relative(`/${directory}`, `/${path}`) || '.',
    };
    const output = await prepared.run(allowed);
    signal.throwIfAborted();
    return { content: output.content, isError: false, hasWritten: output.hasWritten === true };
  }

  #failed(error: unknown, path: string | undefined): ToolAnswer {
    const { signal, grant } = this.#context;
    if (signal.aborted) throw signal.reason;
    if (error instanceof Refusal) return this.#deny(error.reason, denialText(error.reason, path, grant, error.message));
    if (error instanceof ToolError) return failure(error.message);
    const code = errorCode(error);
    if (code === 'ENOSPC' || code === 'EDQUOT') throw error;
    this.#log.error({ tool: this.#call.name, err: error }, 'tool failed');
    return failure(`${this.#call.name} failed${code === undefined ? '' : ` (${code})`}. Try another way.`);
  }

  #deny(reason: DenialReason, content: string, rule?: string): ToolAnswer {
    const input = compactInput(this.#call.input);
    const tool = cutText(this.#call.name, 100);
    this.#log.info({ tool, reason, rule, input }, 'tool call denied');
    return { content, isError: true, denial: { tool, input, reason }, hasWritten: false };
  }
}

const short = (path: string): string => cutText(path, 200);

function failure(content: string): ToolAnswer {
  return { content, isError: true, hasWritten: false };
}
