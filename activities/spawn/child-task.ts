import { MAX_PROMPT_BYTES } from '../../workflows/contract/limits.ts';
import type { AgentDefinition, Task, WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import { contextEntries, contextFiles, contextItem } from '../../workflows/policy/context-items.ts';
import { DURATION_HINT, parseDuration } from '../../workflows/policy/duration.ts';
import { nearest, toSnake } from '../../workflows/policy/key-names.ts';
import { modelFaults, modelOfAgent, modelProblem, readRetry } from '../../workflows/policy/model-faults.ts';
import { MONEY_HINT, parseMicroUsd } from '../../workflows/policy/money.ts';
import { childGrant } from './child-grant.ts';
import { childPlace } from './child-place.ts';
import { childShell } from './child-shell.ts';
import type { SpawnParent } from './spawning.ts';
import { shown, type TaskInput } from './task-input.ts';
import type { TaskLore } from './task-lore.ts';

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
    const { given, parent, lore } = this;
    const { timeoutMs, stallTimeoutMs } = parent.defaults;
    const place = childPlace(lore, parent, given);
    if ('fault' in place) this.fault(place.fault);
    const workspace = 'fault' in place ? parent.defaults.workspace : place.workspace;
    const agent = this.agent();
    const maxBudgetMicroUsd = this.money();
    const { faults, ...shell } = childShell(parent, given);
    this.faults.push(...faults);
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
      ...shell,
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
}
