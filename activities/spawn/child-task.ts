import { DEFAULT_VERIFY_TIMEOUT_MS, MAX_PROMPT_BYTES } from '../../workflows/contract/limits.ts';
import type { AgentDefinition, Task, Verification, WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import { contextEntries, contextFiles, contextItem } from '../../workflows/policy/context-items.ts';
import { DURATION_HINT, parseDuration } from '../../workflows/policy/duration.ts';
import { MAX_VARIABLES, nameProblem, valueProblem } from '../../workflows/policy/environment.ts';
import { nearest, toSnake } from '../../workflows/policy/key-names.ts';
import {
  modelFaults,
  modelOfAgent,
  modelProblem,
  readRetry,
  type ModelLore,
} from '../../workflows/policy/model-faults.ts';
import { MONEY_HINT, parseMicroUsd } from '../../workflows/policy/money.ts';
import { secretKind } from '../observe/redaction.ts';
import { childDirectory, childGrant, mayClone, mayRun } from './child-grant.ts';
import type { SpawnParent } from './spawning.ts';
import { shown, type TaskInput } from './task-input.ts';

/** What of other rooms a task is judged by. */
export interface TaskLore {
  models: ModelLore & { names: () => readonly string[] };
  /** What is wrong with an output schema; undefined: nothing. */
  schemaFault: (schema: Record<string, unknown>) => string | undefined;
  repoProblem: (repo: { url: string; ref?: string | undefined }) => { message: string; hint: string } | undefined;
}

/** All of a task but what it has from its place in a list. */
export type ChildTask = Omit<Task, 'label' | 'dependsOn' | 'occurrence' | 'occurrenceOf' | 'parent' | 'depth'>;

/** Completes one task, key by key; what is wrong is said in `faults`. */
export class ChildTaskReading {
  readonly faults: string[] = [];
  private readonly lore: TaskLore;
  private readonly parent: SpawnParent;
  private readonly given: Partial<TaskInput>;

  constructor(lore: TaskLore, parent: SpawnParent, given: Partial<TaskInput>) {
    this.lore = lore;
    this.parent = parent;
    this.given = given;
  }

  read(): ChildTask {
    const { given, parent } = this;
    const { timeoutMs, stallTimeoutMs } = parent.defaults;
    const workspace = this.workspace();
    const agent = this.agent();
    const maxBudgetMicroUsd = this.money();
    const env = this.env();
    const mcpServers = this.mcpServers();
    const verify = this.verify();
    const outputSchema = this.outputSchema();
    return {
      prompt: this.prompt(),
      context: this.context(),
      workspace,
      permissions: this.grant(workspace, agent),
      ...this.models(agent),
      timeoutMs: this.duration('timeout') ?? timeoutMs,
      stallTimeoutMs: this.duration('stall_timeout') ?? stallTimeoutMs,
      ...(given.max_turns !== undefined && { maxTurns: given.max_turns }),
      ...(maxBudgetMicroUsd !== undefined && { maxBudgetMicroUsd }),
      ...(outputSchema && { outputSchema }),
      ...(env && { env }),
      ...(mcpServers && { mcpServers }),
      ...(verify && { verify }),
      ...(agent && { agent: { name: agent.name, prompt: agent.prompt } }),
      ...(given.project_memory === true && { projectMemory: true }),
    };
  }

  private fault(message: string, hint?: string): undefined {
    this.faults.push(hint === undefined ? message : `${message}; ${hint}`);
  }

  private prompt(): string {
    const { prompt = '' } = this.given;
    const size = Buffer.byteLength(prompt);
    if (size > MAX_PROMPT_BYTES)
      this.fault(`\`prompt\` has ${size.toString()} bytes, more than 1 MiB`, 'put data into a file and name it');
    return prompt;
  }

  private context(): Task['context'] {
    const items: Task['context'] = [];
    for (const { value } of contextEntries(this.given.context)) {
      const files = contextFiles(value);
      if (files) {
        const hint = `give the text itself, or have it read ${files.paths.slice(0, 3).join(', ')}`;
        this.fault('`context` cannot name files here', hint);
      } else items.push(contextItem(value, items.length));
    }
    const size = items.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    if (size > MAX_PROMPT_BYTES)
      this.fault(`\`context\` has ${size.toString()} bytes, more than 1 MiB`, 'put data into a file and name it');
    return items;
  }

  private workspace(): WorkspaceSource {
    const { repo, working_directory: relative } = this.given;
    const { workspace } = this.parent.defaults;
    if (repo) return this.repository(repo) ?? workspace;
    if (relative === undefined) return workspace;
    const subdirectory = childDirectory(workspace.subdirectory, relative);
    if (subdirectory !== undefined) return { ...workspace, subdirectory };
    this.fault(
      `\`working_directory\` ${shown(relative)} leaves the workspace`,
      'write one relative to yours, inside of it',
    );
    return workspace;
  }

  private repository(repo: NonNullable<TaskInput['repo']>): WorkspaceSource | undefined {
    const { parent, lore, given } = this;
    const { url, ref } = repo;
    if (given.working_directory !== undefined)
      return this.fault('`repo` and `working_directory` exclude each other', 'remove one of them');
    const problem = lore.repoProblem(repo);
    if (problem) return this.fault(`repo: ${problem.message}`, problem.hint);
    if (parent.defaults.workspace.repo?.url !== url && !mayClone(parent, url)) {
      const hint = 'a repository can be cloned from hosts that WebFetch rules allow you';
      return this.fault(`repo: your permissions do not include ${shown(url)} (NOT_GRANTED)`, hint);
    }
    return { bundle: null, tree: '', subdirectory: '', repo: { url, ...(ref !== undefined && { ref }) }, origin: url };
  }

  private grant(workspace: WorkspaceSource, agent: AgentDefinition | undefined): Task['permissions'] {
    const { grant, faults } = childGrant(this.parent, {
      permissions: this.given.permissions,
      tools: agent?.tools,
      directory: workspace.subdirectory,
      isElsewhere: this.given.repo !== undefined,
    });
    this.faults.push(...faults);
    return grant;
  }

  private agent(): AgentDefinition | undefined {
    const { agent: name } = this.given;
    if (name === undefined) return undefined;
    const { agents } = this.parent;
    const found = agents.find((one) => one.name === name);
    if (found) return found;
    const names = agents.map((one) => one.name);
    const near = nearest(name, names);
    const listed = names.length === 0 ? 'this fleet has none: remove it' : `there are ${names.join(', ')}`;
    return this.fault(`there is no agent ${shown(name)}`, near === undefined ? listed : `write ${near}`);
  }

  private models(
    agent: AgentDefinition | undefined,
  ): Pick<Task, 'model' | 'effort' | 'thinking' | 'fallbackModel' | 'retry'> {
    const { given, lore, parent } = this;
    const named = given.model ?? modelOfAgent(agent?.model, lore.models.names());
    const model = named ?? parent.defaults.model;
    const effort = given.effort ?? (named === undefined ? parent.defaults.effort : undefined);
    const { thinking, fallback_model: fallbackModel } = given;
    const retry = given.retry && { maxAttempts: given.retry.max_attempts, escalate: given.retry.escalate };
    const problem = named === undefined ? undefined : modelProblem(named, lore.models);
    if (problem) this.fault(`model: ${problem.message}`, problem.hint);
    for (const { path, message, hint } of modelFaults({ model, effort, thinking, fallbackModel, retry }, lore.models))
      this.fault(`${path.map((part) => toSnake(String(part))).join('.')}: ${message}`, hint);
    return {
      model,
      ...(effort && { effort }),
      ...(thinking && { thinking }),
      ...(fallbackModel !== undefined && { fallbackModel }),
      ...(retry && { retry: readRetry(retry) }),
    };
  }

  private duration(key: 'timeout' | 'stall_timeout'): number | undefined {
    const value = this.given[key];
    const ms = value === undefined ? undefined : parseDuration(value);
    if (value !== undefined && ms === undefined) this.fault(`\`${key}\` is ${shown(value)}`, `write ${DURATION_HINT}`);
    return ms;
  }

  private money(): number | undefined {
    const { max_budget_usd: value } = this.given;
    const amount = value === undefined ? undefined : parseMicroUsd(value);
    if (value !== undefined && amount === undefined)
      this.fault(`\`max_budget_usd\` is ${shown(value)}`, `write ${MONEY_HINT}`);
    return amount;
  }

  private outputSchema(): Record<string, unknown> | undefined {
    const { output_schema: schema } = this.given;
    const fault = schema && this.lore.schemaFault(schema);
    if (fault !== undefined)
      this.fault(
        `\`output_schema\` is invalid: ${fault}`,
        'write a JSON Schema such as {"type": "object", "properties": {…}}',
      );
    return schema;
  }

  private env(): Record<string, string> | undefined {
    const entries = Object.entries(this.given.env ?? {});
    if (entries.length === 0) return undefined;
    if (entries.length > MAX_VARIABLES)
      this.fault(
        `\`env\` has ${entries.length.toString()} names, more than ${MAX_VARIABLES.toString()}`,
        'put the rest into a file',
      );
    const pairs = entries.map(([name, value]): [string, string] => [name, String(value)]);
    for (const [name, value] of pairs) {
      const problem = nameProblem(name) ?? valueProblem(name, value, secretKind(value));
      if (problem) this.fault(`env: ${problem.message}`, problem.hint);
    }
    return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  private mcpServers(): string[] | undefined {
    const { mcp_servers: names = [] } = this.given;
    const { mcpServers: allowed } = this.parent;
    for (const name of names) {
      if (allowed === undefined || allowed.includes(name)) continue;
      const has = allowed.length === 0 ? 'you have none' : `you have ${allowed.join(', ')}`;
      this.fault(`mcp_servers: ${shown(name)} is none of yours`, has);
    }
    return names.length === 0 ? undefined : [...new Set(names)].sort();
  }

  private verify(): Verification[] | undefined {
    const { verify = [] } = this.given;
    const names = new Set<string>();
    for (const { name, run } of verify) {
      if (names.has(name)) this.fault(`verify: the name ${shown(name)} appears twice`, 'write another name');
      names.add(name);
      if (!mayRun(this.parent, run))
        this.fault(`verify: your permissions do not include the command ${shown(run)} (NOT_GRANTED)`, 'remove it');
    }
    if (verify.length === 0) return undefined;
    return verify.map(({ name, run, timeout }) => {
      const timeoutMs = timeout === undefined ? DEFAULT_VERIFY_TIMEOUT_MS : parseDuration(timeout);
      if (timeoutMs === undefined) this.fault(`verify: \`timeout\` is ${shown(timeout)}`, `write ${DURATION_HINT}`);
      return { name, run, timeoutMs: timeoutMs ?? DEFAULT_VERIFY_TIMEOUT_MS };
    });
  }
}
