import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createEgress } from '../../activities/egress/broker.ts';
import { createLog } from '../../activities/observe/log.ts';
import type { Workspaces } from '../../activities/workspace/workspace.ts';
import type { AgentScript, Turn } from '../../client/simulated/script.ts';
import type { Grant, Result, WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import { bashServer } from '../support/mcp-world.ts';
import { SubagentBench } from '../support/subagent-bench.ts';
import { startWeb } from '../support/web-world.ts';
import type { Attack, Call, Field } from './attack.ts';

export interface Answer {
  content: string;
  isError: boolean;
}

/** What became of one attempt: the answers the model got, and what the subagent left. */
export interface Trial {
  field: Field;
  answers: Answer[];
  result: Result;
}

const FILES = { 'inside.txt': 'inside\n', 'src/a.ts': 'export const a = 1;\n', 'docs/guide.md': '# Guide\n' };
const ORIGIN = 'attack:';

interface Script {
  calls: readonly Call[];
  answers: Answer[];
}

/**
 * The whole loop with a hostile model: real workspaces, tools, sandbox and store, Claude played call by call over HTTP.
 * What an attack prepares is put into the open workspace before the model's first call.
 */
export class ProvingGround implements AsyncDisposable {
  private readonly bench: SubagentBench;
  private readonly source: WorkspaceSource;
  private readonly scripts: Map<string, Script>;
  private readonly settings: Map<string, Setting>;
  private readonly close: () => Promise<void>;
  private trials = 0;

  private constructor(
    bench: SubagentBench,
    source: WorkspaceSource,
    scripts: ProvingGround['scripts'],
    close: () => Promise<void>,
  ) {
    this.bench = bench;
    this.close = close;
    this.source = source;
    this.scripts = scripts;
    this.settings = new Map();
    this.bench.parts.workspaces = preparing(this.bench.parts.workspaces, this.settings);
  }

  static async start(): Promise<ProvingGround> {
    const scripts = new Map<string, Script>();
    const web = await startWeb();
    const egress = createEgress({ ...web, log: createLog('silent') });
    const bench = await SubagentBench.start({ scripts: [hostileModel(scripts)] }, egress);
    return new ProvingGround(bench, await bench.source(FILES), scripts, async () => {
      await bench[Symbol.asyncDispose]();
      await egress.close();
      await web.close();
    });
  }

  /** Lets a model make these calls in a field of their own, and throws when anything outside it was touched or seen. */
  async attempt({ grant, prepare }: Pick<Attack, 'grant' | 'prepare'>, calls: readonly Call[]): Promise<Trial> {
    const id = `trial-${(++this.trials).toString()}`;
    const field: Field = {
      workspace: '',
      outside: await mkdtemp(join(this.bench.directory, 'outside-')),
      canary: `canary-${id}-${Math.random().toString(36).slice(2)}`,
    };
    await writeFile(join(field.outside, 'canary.txt'), field.canary);
    const script: Script = { calls: [], answers: [] };
    this.scripts.set(id, script);
    let before: unknown;
    this.settings.set(id, {
      async enter(root) {
        field.workspace = root;
        await prepare?.(field);
        script.calls = calls.map((call) => filledIn(call, field));
        before = await stateOf(field.outside);
      },
      leave: () => field.leave?.() ?? Promise.resolve(),
    });
    const result = await this.run(id, grant);
    if (!isDeepStrictEqual(await stateOf(field.outside), before)) throw new Error('something outside was changed');
    const leak = script.answers.find(({ content }) => content.includes(field.canary));
    if (leak) throw new Error(`the canary was seen: ${leak.content.slice(0, 200)}`);
    return { field, answers: script.answers, result };
  }

  private async run(id: string, grant: Grant): Promise<Result> {
    const workspace = { ...this.source, origin: `${ORIGIN}${id}` };
    const task = { prompt: `play ${id}`, permissions: grant, workspace };
    const usesMcp = grant.allow.some((rule) => rule.startsWith('mcp__'));
    const fleet = await this.bench.fleet([{ ...task, ...(usesMcp && { mcpServers: ['notes'] }) }], {
      reuse: 'never',
      ...(usesMcp && { mcpServers: { notes: bashServer(id) } }),
    });
    const outcome = await fleet.run();
    if (outcome.kind !== 'ended') throw new Error(`it parked: ${JSON.stringify(outcome.reason)}`);
    return fleet.result();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function hostileModel(scripts: ReadonlyMap<string, Script>): AgentScript {
  const idOf = (prompt: string): string => /^play (\S+)$/.exec(prompt)?.[1] ?? '';
  return {
    name: 'hostile model',
    matches: ({ prompt }) => scripts.has(idOf(prompt)),
    reply({ request, number }: Turn) {
      const script = scripts.get(idOf(request.prompt))!;
      const last = request.body.messages.at(-1)!.content;
      for (const block of typeof last === 'string' ? [] : last) {
        if (block.type === 'tool_result')
          script.answers.push({ content: textOf(block.content), isError: block.is_error === true });
      }
      const call = script.calls[number - 1];
      if (!call) return { blocks: [{ type: 'text', text: 'done' }], latencyMs: 0 };
      return { blocks: [{ type: 'tool_use', ...call }], latencyMs: 0 };
    },
  };
}

function textOf(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content);
}

/** What happens in a workspace before the model's first call, and before it is closed. */
interface Setting {
  enter(root: string): Promise<void>;
  leave(): Promise<void>;
}

function preparing(inner: Workspaces, settings: Map<string, Setting>): Workspaces {
  return {
    sweep: () => inner.sweep(),
    async open(source, options) {
      const workspace = await inner.open(source, options);
      const id = source.origin.slice(ORIGIN.length);
      const setting = settings.get(id);
      settings.delete(id);
      const close = workspace.close.bind(workspace);
      workspace.close = async () => {
        await setting?.leave();
        await close();
      };
      try {
        await setting?.enter(workspace.root);
      } catch (error) {
        await workspace.close();
        throw error;
      }
      return workspace;
    },
  };
}

function filledIn(call: Call, { workspace, outside, canary }: Field): Call {
  const values: Record<string, string> = { WORKSPACE: workspace, OUTSIDE: outside, CANARY: canary };
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value.replace(/\$\{(WORKSPACE|OUTSIDE|CANARY)\}/g, (_, name: string) => values[name]!);
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item)]));
  };
  return { name: call.name, input: fill(call.input) as Call['input'] };
}

/** Names and contents of everything in a directory. */
async function stateOf(directory: string): Promise<[name: string, content: string][]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  const state = entries.map(async (entry): Promise<[string, string]> => {
    const path = join(entry.parentPath, entry.name);
    return [path, entry.isFile() ? await readFile(path, 'latin1') : entry.isSymbolicLink() ? 'link' : 'other'];
  });
  return (await Promise.all(state)).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Makes a directory below the field's workspace. */
export async function directoryIn(field: Field, path: string): Promise<string> {
  const directory = join(field.workspace, path);
  await mkdir(directory, { recursive: true });
  return directory;
}
