import { rgPath } from '@vscode/ripgrep';
import type { Log } from '../observe/log.ts';
import { Attempt } from './attempt.ts';
import { createBashTool } from './bash.ts';
import { createEditTool } from './edit.ts';
import { createGlobTool } from './glob.ts';
import { createGrepTool } from './grep.ts';
import { PathLock } from './path-lock.ts';
import { createReadTool } from './read.ts';
import { structuredOutputDefinition } from './structured-output.ts';
import { count, cutText, withoutControls } from './text.ts';
import type { Tool, ToolDispatcher } from './tool.ts';
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
  /** The tool `WebFetch`, bound to the worker's broker; without it no page is fetched, and a call is no grant's matter. */
  webFetch?: Tool;
  /** The tools of parents; without them a call of one is no grant's matter either. */
  spawning?: readonly Tool[];
  /** Hides secrets: in every answer, in the inputs of denials, in logs. */
  redact?: (text: string) => string;
}

/** One per worker: edits of one file by any of its subagents wait for each other. */
export function createToolDispatcher(options: ToolDispatcherOptions): ToolDispatcher {
  const { log, redact = (text) => text } = options;
  const all = createTools(options);
  const tools = new Map(all.map((tool) => [tool.definition.name, tool]));
  const definitions = [...all.map(({ definition }) => definition), structuredOutputDefinition]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((definition) => Object.freeze(definition));

  return {
    definitions: Object.freeze(definitions),
    async run(call, context) {
      context.signal.throwIfAborted();
      const answer = await new Attempt(call, context, { log, redact, tools }).run();
      return { ...answer, content: presentable(answer.content, redact) };
    },
  };
}

function createTools({ ripgrep, searchTimeoutMs, webFetch, spawning = [] }: ToolDispatcherOptions): Tool[] {
  const lock = new PathLock();
  const rg = { binary: ripgrep ?? rgPath, timeoutMs: searchTimeoutMs ?? SEARCH_TIMEOUT_MS };
  return [
    createBashTool(),
    createEditTool(lock),
    createGlobTool(rg),
    createGrepTool(rg),
    createReadTool(),
    createWriteTool(lock),
    ...(webFetch ? [webFetch] : []),
    ...spawning,
  ];
}

/** Whole before it is cut: half a secret is none that anybody recognises. */
function presentable(text: string, redact: (text: string) => string): string {
  const more = (missing: number): string =>
    `\n\n(Cut: ${count(missing, 'character')} more. Ask for less at once: a narrower path, pattern or range.)`;
  return cutText(redact(withoutControls(text)), MAX_ANSWER_CHARS, more);
}
