import { resolve } from 'node:path';
import type { Target } from '../../activities/targets/target.ts';
import { repoProblem } from '../../activities/targets/target.ts';
import { DEFAULT_STALL_TIMEOUT_MS, DEFAULT_TIMEOUT_MS, MAX_PROMPT_BYTES } from '../../workflows/contract/limits.ts';
import { Agents, type AgentDefinition } from './agents.ts';
import { readContext } from './context.ts';
import type { ContextItem, ContextRoots, FileCache } from './context.ts';
import { readDuration } from './duration.ts';
import { readEnvironment } from './environment.ts';
import type { FaultList } from './fault-list.ts';
import type { GivenRules } from './flag-grant.ts';
import { Grants } from './grants.ts';
import type { McpDeclarations } from './mcp-servers.ts';
import { Models } from './models.ts';
import { MONEY_HINT, parseMicroUsd } from './money.ts';
import { OutputSchemas } from './output-schema.ts';
import { isInside, Places, type Place } from './places.ts';
import type { PlannedTask } from './plan.ts';
import type { Path } from './source-document.ts';
import type { Inheritable, TaskShape } from './task-shape.ts';
import { readVerifications } from './verifications.ts';

/** What a task may take from outside its own keys. */
export interface TaskSurroundings {
  /** Absolute: the task file's directory, or the current one for stdin. */
  base: string;
  overrides: { model?: string; timeoutMs?: number };
  /** For a task that names none. */
  defaults: { model?: string };
  /** Given by the fleet for all tasks without; mistakes in it are said once. */
  fleet: Inheritable;
  /** The command line's own, which `env` may name. */
  environment: Readonly<Record<string, string | undefined>>;
  mcp: McpDeclarations;
  /** True for a known model, else the nearest known one, or false when none is near. */
  knownModels: (model: string) => boolean | string;
  /** What the whole fleet may do at most, and does where it says nothing itself. */
  ceiling: GivenRules | undefined;
}

/** Turns checked shapes into planned tasks (`dependsOn` still empty). Looks at the disk, each place once. */
export class TaskResolver {
  readonly #warnings = new Set<string>();
  readonly #surroundings: TaskSurroundings;
  readonly #faults: FaultList;
  readonly #places = new Places();
  readonly #schemas = new OutputSchemas();
  readonly #agents = new Agents();
  readonly #contextFiles: FileCache = new Map();
  readonly #models: Models;
  readonly #grants: Grants;

  constructor(surroundings: TaskSurroundings, faults: FaultList) {
    const { overrides, defaults, knownModels, fleet, ceiling } = surroundings;
    this.#surroundings = surroundings;
    this.#faults = faults;
    this.#models = new Models({ flag: overrides.model, standard: defaults.model, known: knownModels }, faults);
    this.#grants = new Grants({ ofFleet: fleet.permissions, ceiling }, faults);
  }

  get warnings(): string[] {
    const { mcp } = this.#surroundings;
    return [...this.#warnings, ...this.#models.warnings, ...this.#grants.warnings, ...mcp.warnings];
  }

  /** undefined when the task's place is at fault; other faults are added and a task comes back all the same. */
  async resolve(task: TaskShape, label: string, path: Path, target?: Target): Promise<PlannedTask | undefined> {
    const { overrides, fleet } = this.#surroundings;
    const faults = this.#faults;
    const whole: TaskShape = { ...fleet, ...task, permissions: task.permissions };
    const at = (key: keyof TaskShape): Path => (key in task ? [...path, key] : [key]);
    this.#checkPrompt(task.prompt, path);
    if (task.outputSchema) this.#checkSchema(task.outputSchema, path);
    const timeoutMs = overrides.timeoutMs ?? readDuration(task.timeout, at('timeout'), faults) ?? DEFAULT_TIMEOUT_MS;
    const stallTimeoutMs = readDuration(task.stallTimeout, at('stallTimeout'), faults) ?? DEFAULT_STALL_TIMEOUT_MS;
    const maxBudgetMicroUsd = this.#money(task.maxBudgetUsd, at('maxBudgetUsd'));
    const place = await this.#place(task, path, target);
    const agent = place && whole.agent !== undefined ? await this.#agent(whole.agent, at('agent'), place) : undefined;
    const models = this.#models.choose(whole, agent?.model, (key) => (key in whole ? at(key) : path));
    const mcpServers = this.#mcpServers(task.mcpServers, at('mcpServers'));
    const permissions = this.#grants.resolve({ own: task.permissions, path: at('permissions'), agent, mcpServers });
    const { env, verify } = this.#commands(whole, at);
    if (whole.retry && !verify?.length && !task.outputSchema)
      this.#warnings.add('`retry` has no effect where a task has neither `verify` nor `outputSchema`');
    if (!place) return undefined;
    const context = await readContext(task.context, at('context'), place.roots, this.#contextFiles, faults);
    return {
      label,
      prompt: task.prompt,
      context: [...place.context, ...context],
      ...models,
      timeoutMs,
      stallTimeoutMs,
      permissions,
      workspace: place.workspace,
      isEligible: true,
      dependsOn: [],
      ...(task.maxTurns && { maxTurns: task.maxTurns }),
      ...(maxBudgetMicroUsd && { maxBudgetMicroUsd }),
      ...(task.outputSchema && { outputSchema: task.outputSchema }),
      ...(env && { env }),
      ...(mcpServers && { mcpServers }),
      ...(verify?.length && { verify }),
      ...(agent && { agent: { name: agent.name, prompt: agent.prompt } }),
      ...(whole.projectMemory && { projectMemory: true }),
    };
  }

  #commands({ env, verify }: TaskShape, at: (key: 'env' | 'verify') => Path): Pick<PlannedTask, 'env' | 'verify'> {
    const { environment } = this.#surroundings;
    const variables = env && readEnvironment(env, at('env'), environment, this.#faults);
    return {
      ...(variables && Object.keys(variables).length > 0 && { env: variables }),
      ...(verify && { verify: readVerifications(verify, at('verify'), this.#faults) }),
    };
  }

  #mcpServers(given: TaskShape['mcpServers'], path: Path): string[] | undefined {
    const { mcp } = this.#surroundings;
    if (given === undefined) return undefined;
    const isList = typeof given === 'string' || Array.isArray(given);
    const names = isList ? mcp.use([given].flat(), path) : mcp.declare(given, path);
    return names.length === 0 ? undefined : names;
  }

  /** Its definition, with the model it means; a fault when there is none. */
  async #agent(name: string, path: Path, place: PlacedTask): Promise<AgentDefinition | undefined> {
    const found = await this.#agents.find(name, place.agents);
    const model = 'agent' in found ? this.#models.meantByAgent(found.agent.model) : undefined;
    const problem = 'agent' in found ? model !== undefined && this.#models.problem(model) : found;
    if (problem)
      this.#faults.add(
        path,
        'agent' in found ? `the agent ${name}: ${problem.message}` : problem.message,
        problem.hint,
      );
    if (problem || !('agent' in found)) return undefined;
    for (const warning of found.agent.warnings) this.#warnings.add(warning);
    return { ...found.agent, model };
  }

  #checkPrompt(prompt: string, path: Path): void {
    const size = prompt.length * 3 > MAX_PROMPT_BYTES ? Buffer.byteLength(prompt) : 0;
    if (size <= MAX_PROMPT_BYTES) return;
    const message = `\`prompt\` has ${size} bytes, more than ${MAX_PROMPT_BYTES} (1 MiB)`;
    this.#faults.add([...path, 'prompt'], message, 'put the data into a file of the workspace and name it');
  }

  #checkSchema(schema: Record<string, unknown>, path: Path): void {
    const fault = this.#schemas.fault(schema);
    if (fault !== undefined) {
      const hint = 'write a JSON Schema (2020-12) such as {type: object, properties: {…}}';
      this.#faults.add([...path, 'outputSchema'], `\`outputSchema\` is invalid: ${fault}`, hint);
    }
  }

  #money(value: unknown, path: Path): number | undefined {
    const amount = value === undefined ? undefined : parseMicroUsd(value);
    if (value !== undefined && amount === undefined) {
      this.#faults.add(path, `\`${String(path.at(-1))}\` is ${JSON.stringify(value)}`, `write ${MONEY_HINT}`);
    }
    return amount;
  }

  async #place(task: TaskShape, path: Path, target: Target | undefined): Promise<PlacedTask | undefined> {
    const { base } = this.#surroundings;
    if (target && (task.repo || task.workingDirectory !== undefined)) {
      const key = task.repo ? 'repo' : 'workingDirectory';
      this.#faults.addKey([...path, key], `\`${key}\` contradicts \`targets\``, 'remove one of them');
      return undefined;
    }
    if (task.repo && task.workingDirectory !== undefined) {
      this.#faults.addKey([...path, 'repo'], 'a task has `repo` or `workingDirectory`, not both', 'remove one of them');
      return undefined;
    }
    const repo = target?.kind === 'repository' ? target : task.repo;
    if (repo) {
      if (task.repo && !this.#checkRepo(task.repo, path)) return undefined;
      const workspace = { url: repo.url, ...(repo.ref === undefined ? {} : { ref: repo.ref }) };
      const roots = { starts: [base], bounds: [await this.#realBase()] };
      return { workspace, roots, context: [], agents: await this.#agentPlaces() };
    }
    const local = target?.kind === 'directory' || target?.kind === 'file' ? target : undefined;
    const directory = local?.directory ?? resolve(base, task.workingDirectory ?? '.');
    const place = await this.#places.find(directory);
    if (!place) {
      const message = `the directory ${JSON.stringify(task.workingDirectory ?? directory)} does not exist`;
      this.#faults.add([...path, 'workingDirectory'], message, `write one relative to ${base}`);
      return undefined;
    }
    const bounds = target ? [place.root, await this.#realBase()] : [place.root];
    const roots = { starts: [...new Set([place.directory, base])], bounds };
    const context = local?.kind === 'file' ? [{ name: 'target', text: this.#pathInside(local) }] : [];
    return { workspace: { directory: place.directory }, roots, context, agents: await this.#agentPlaces(place) };
  }

  /** A file target's path as the subagent sees it: its working directory is the file's. */
  #pathInside({ file, directory }: { file: string; directory: string }): string {
    return isInside(file, directory) ? file.slice(directory.length).replace(/^[/\\]/, '') : file;
  }

  #checkRepo(repo: NonNullable<TaskShape['repo']>, path: Path): boolean {
    const problem = repoProblem(repo);
    if (problem) this.#faults.add([...path, 'repo', problem.key], problem.message, problem.hint);
    return problem === undefined;
  }

  /** Where agent definitions are looked for: from the working directory, then from the file's. */
  async #agentPlaces(own?: Place): Promise<Place[]> {
    const base = await this.#places.find(this.#surroundings.base);
    return [own, base].filter((place) => place !== undefined);
  }

  async #realBase(): Promise<string> {
    return (await this.#places.find(this.#surroundings.base))?.root ?? this.#surroundings.base;
  }
}

interface PlacedTask {
  workspace: PlannedTask['workspace'];
  roots: ContextRoots;
  context: ContextItem[];
  agents: Place[];
}
