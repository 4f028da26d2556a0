import { resolveTargets } from '../../activities/targets/resolve-targets.ts';
import { DEFAULT_CONCURRENCY, MAX_TASKS } from '../../workflows/contract/limits.ts';
import { resolveDependencies } from './dependencies.ts';
import type { Labelled } from './dependencies.ts';
import { EXPECTED } from './expected.ts';
import type { FaultList } from './fault-list.ts';
import { budgetOfFlag } from './flag-limits.ts';
import { FLEET_KEYS, isRecord, readKeys, readNestedKeys } from './keys.ts';
import type { Spelling } from './keys.ts';
import { McpDeclarations } from './mcp-servers.ts';
import { MONEY_HINT, parseMicroUsd } from './money.ts';
import { resolveParams } from './params.ts';
import { readRollout, shareOf } from './rollout.ts';
import type { PlanSettings } from './plan-settings.ts';
import type { FleetPlan, PlannedTask } from './plan.ts';
import { readRawTasks } from './raw-tasks.ts';
import type { RawTask } from './raw-tasks.ts';
import { checkHead, checkTask, describe } from './shape-faults.ts';
import type { FleetHead } from './shapes.ts';
import type { Path, SourceDocument } from './source-document.ts';
import { INHERITABLE } from './task-shape.ts';
import type { TaskShape } from './task-shape.ts';
import { TaskResolver } from './tasks.ts';
import { fillParams, fillTarget } from './templates.ts';
import type { Scalar } from './templates.ts';

export interface ReaderInput {
  document: SourceDocument;
  spelling: Spelling;
  faults: FaultList;
  /** Absolute: where relative paths start. */
  base: string;
  /** -p KEY=VALUE */
  params: Readonly<Record<string, string>>;
  settings: PlanSettings;
}

/** Makes a plan of one parsed document. Faults go into the list; with any, the plan is not to be used. */
export class FleetReader {
  readonly #settings: PlanSettings;
  readonly #params: Readonly<Record<string, string>>;
  readonly #document: SourceDocument;
  readonly #spelling: Spelling;
  readonly #faults: FaultList;
  readonly #base: string;

  constructor({ document, spelling, faults, base, params, settings }: ReaderInput) {
    this.#settings = settings;
    this.#params = params;
    this.#document = document;
    this.#spelling = spelling;
    this.#faults = faults;
    this.#base = base;
  }

  async read(source: string, defaultName: string): Promise<FleetPlan> {
    const root = this.#root();
    const params = resolveParams(root['params'], this.#params, this.#faults);
    const head = this.#head(root, params);
    const isBareList = Array.isArray(this.#document.value);
    const raw = readRawTasks(root, { isBareList, spelling: this.#spelling, faults: this.#faults });
    const {
      overrides,
      defaults = {},
      environment = {},
      operatorMcpServers = [],
      knownModels,
      ceiling,
    } = this.#settings;
    const mcp = new McpDeclarations(operatorMcpServers, this.#faults);
    if (head.mcpServers) mcp.declare(head.mcpServers, ['mcpServers']);
    const fleet = Object.fromEntries(INHERITABLE.filter((key) => key in head).map((key) => [key, head[key]]));
    const surroundings = { base: this.#base, overrides, defaults, fleet, environment, mcp, knownModels, ceiling };
    const resolver = new TaskResolver(surroundings, this.#faults);
    const warnings: string[] = [];
    const tasks =
      root['targets'] === undefined
        ? await this.#listed(raw, params, resolver)
        : await this.#targeted(raw[0], head, params, resolver, warnings);
    const rollout = readRollout(head, tasks, { faults: this.#faults, warnings });
    return {
      name: head.name ?? defaultName,
      source,
      tasks,
      maxConcurrentAgents:
        overrides.concurrency ?? head.maxConcurrentAgents ?? defaults.concurrency ?? DEFAULT_CONCURRENCY,
      maxBudgetMicroUsd: this.#budget(head.maxBudgetUsd),
      failIf: this.#failIf(head.failIf),
      warnings: [...warnings, ...resolver.warnings],
      ...(head.eligible === undefined ? {} : { eligible: head.eligible }),
      ...(mcp.all && { mcpServers: mcp.all }),
      ...(rollout && { rollout }),
      ...limit('maxTotalAgents', overrides.maxAgents ?? head.maxTotalAgents),
      ...limit('maxDepth', overrides.maxDepth),
    };
  }

  #root(): Record<string, unknown> {
    const { value } = this.#document;
    if (Array.isArray(value) && this.#spelling === 'snake') return { tasks: value as unknown[] };
    if (isRecord(value)) return readKeys(value, [], FLEET_KEYS, this.#spelling, this.#faults);
    this.#faults.add([], `the file is ${describe(value)}`, 'write `tasks:` with a list of tasks');
    return { tasks: [{ prompt: 'absent' }] };
  }

  #head(root: Record<string, unknown>, params: Record<string, Scalar>): FleetHead {
    const { params: declared } = root;
    const rest = Object.fromEntries(Object.entries(root).filter(([key]) => !['task', 'tasks', 'params'].includes(key)));
    const filled = this.#fill(rest, params, [], false) as Record<string, unknown>;
    readNestedKeys(filled, [], this.#spelling, this.#faults);
    if (declared !== undefined && !isRecord(declared)) {
      this.#faults.add(['params'], `\`params\` is ${describe(declared)}`, 'write names with their defaults');
    }
    return checkHead(filled, this.#faults);
  }

  async #listed(
    raw: readonly RawTask[],
    params: Record<string, Scalar>,
    resolver: TaskResolver,
  ): Promise<PlannedTask[]> {
    const tasks: PlannedTask[] = [];
    const labelled: Labelled[] = [];
    for (const [i, { value, path }] of raw.entries()) {
      const shape = checkTask(this.#fill(value, params, path, false), path, this.#faults);
      const { label = `task-${i + 1}`, dependsOn = [] } = shape;
      labelled.push({ label, path, dependsOn: typeof dependsOn === 'string' ? [dependsOn] : dependsOn });
      const task = await resolver.resolve(shape, label, path);
      if (task) tasks.push(task);
    }
    const graph = resolveDependencies(labelled, this.#faults);
    if (tasks.length === graph.length) graph.forEach((dependsOn, i) => void (tasks[i]!.dependsOn = dependsOn));
    return tasks;
  }

  async #targeted(
    raw: RawTask | undefined,
    head: FleetHead,
    params: Record<string, Scalar>,
    resolver: TaskResolver,
    warnings: string[],
  ): Promise<PlannedTask[]> {
    const template = raw && checkTask(this.#fill(raw.value, params, raw.path, true), raw.path, this.#faults);
    if (!head.targets) return [];
    if (template?.dependsOn) {
      this.#faults.addKey(['task', 'dependsOn'], '`dependsOn` means nothing over targets', 'write `tasks` with labels');
    }
    const listed = typeof head.targets === 'string' ? [head.targets] : head.targets;
    const exclude = [head.exclude ?? []].flat();
    // `!glob` among the targets excludes too, as in ignore files; indexes of the others stay those of the file.
    const isNegated = (entry: unknown): entry is string => typeof entry === 'string' && entry.startsWith('!');
    const excluded = [...exclude, ...listed.filter(isNegated).map((entry) => entry.slice(1))];
    const kept = [...listed.entries()].filter(([, entry]) => !isNegated(entry));
    const resolved = await resolveTargets(
      kept.map(([, entry]) => entry),
      { base: this.#base, exclude: excluded },
    );
    warnings.push(...resolved.warnings);
    for (const { entry, message, hint } of resolved.problems) {
      this.#faults.add(typeof head.targets === 'string' ? ['targets'] : ['targets', kept[entry]![0]], message, hint);
    }
    const { targets } = resolved;
    if (targets.length === 0 && resolved.problems.length === 0) {
      this.#faults.add(['targets'], 'no target is left', 'name directories, files or repositories that exist');
    }
    if (targets.length > MAX_TASKS) {
      this.#faults.add(
        ['targets'],
        `${targets.length} targets are more than ${MAX_TASKS}`,
        'split them over several files',
      );
      return [];
    }
    if (head.eligible !== undefined && targets.some(({ kind }) => kind === 'repository')) {
      this.#faults.addKey(
        ['eligible'],
        '`eligible` is not supported yet for git URLs',
        'remove it, or clone the repositories first',
      );
    }
    if (!template) return [];
    const tasks: PlannedTask[] = [];
    const labels = new Set<string>();
    for (const target of targets) {
      const url = target.kind === 'repository' ? target.url : '';
      const path = target.kind === 'repository' ? '' : target.kind === 'file' ? target.file : target.directory;
      const shape = fillTarget(template, { name: target.name, path, url }) as TaskShape;
      const label = shape.label ?? target.name;
      if (labels.has(label)) {
        const hint = 'put ${{ target.name }} into the label, or remove it';
        this.#faults.add(['task', 'label'], `several targets get the label ${JSON.stringify(label)}`, hint);
        break;
      }
      labels.add(label);
      const before = this.#faults.faults.length;
      const task = await resolver.resolve(shape, label, ['task'], target);
      // The task is written once: what is wrong with it for one target is said once.
      if (this.#faults.faults.length > before) break;
      if (task) tasks.push(task);
    }
    return tasks;
  }

  /** Only the fleet file knows expressions: a JSON prompt may speak of `${{ }}` as text. */
  #fill(value: unknown, params: Record<string, Scalar>, path: Path, mayNameTarget: boolean): unknown {
    return this.#spelling === 'camel' ? fillParams(value, params, path, mayNameTarget, this.#faults) : value;
  }

  #failIf(failIf: FleetHead['failIf']): FleetPlan['failIf'] {
    if (!failIf) return null;
    const { rate, count } = failIf;
    if (rate === undefined && count === undefined) {
      this.#faults.add(['failIf'], '`failIf` says nothing', `write ${EXPECTED['failIf']}`);
    }
    return { ...(rate === undefined ? {} : { rate: shareOf(rate) }), ...(count === undefined ? {} : { count }) };
  }

  #budget(inFile: unknown): number | null {
    const { overrides } = this.#settings;
    if (overrides.budgetUsd !== undefined) return budgetOfFlag(overrides, this.#faults) ?? null;
    const amount = inFile === undefined ? null : parseMicroUsd(inFile);
    if (amount === undefined)
      this.#faults.add(['maxBudgetUsd'], `the budget is ${describe(inFile)}`, `write ${MONEY_HINT}`);
    return amount ?? null;
  }
}

const limit = <K extends string>(key: K, value: number | undefined): { [key in K]?: number } =>
  value === undefined ? {} : ({ [key]: value } as { [key in K]: number });
