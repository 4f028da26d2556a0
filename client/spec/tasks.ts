import { resolve } from 'node:path';
import type { Target } from '../../activities/targets/target.ts';
import { hasPassword, isGitUrl } from '../../activities/targets/target.ts';
import {
  DEFAULT_MODEL,
  DEFAULT_STALL_TIMEOUT_MS,
  DEFAULT_TIMEOUT_MS,
  MAX_PROMPT_BYTES,
} from '../../workflows/contract/limits.ts';
import { readContext } from './context.ts';
import type { ContextItem, ContextRoots, FileCache } from './context.ts';
import { DURATION_HINT, parseDuration } from './duration.ts';
import type { FaultList } from './fault-list.ts';
import { MONEY_HINT, parseMicroUsd } from './money.ts';
import { OutputSchemas } from './output-schema.ts';
import { resolveGrant } from './permissions.ts';
import { isInside, Places } from './places.ts';
import type { PlannedTask } from './plan.ts';
import type { TaskShape } from './shapes.ts';
import type { Path } from './source-document.ts';

/** What a task may take from outside its own keys. */
export interface TaskSurroundings {
  /** Absolute: the task file's directory, or the current one for stdin. */
  base: string;
  overrides: { model?: string; timeoutMs?: number };
  /** For a task that names none. */
  defaults: { model?: string };
  /** True for a known model, else the nearest known one, or false when none is near. */
  knownModels: (model: string) => boolean | string;
}

/** Turns checked shapes into planned tasks (`dependsOn` still empty). Looks at the disk, each place once. */
export class TaskResolver {
  readonly warnings = new Set<string>();
  readonly #surroundings: TaskSurroundings;
  readonly #faults: FaultList;
  readonly #places = new Places();
  readonly #schemas = new OutputSchemas();
  readonly #contextFiles: FileCache = new Map();
  readonly #models = new Map<string, boolean | string>();

  constructor(surroundings: TaskSurroundings, faults: FaultList) {
    this.#surroundings = surroundings;
    this.#faults = faults;
  }

  /** undefined when the task's place is at fault; other faults are added and a task comes back all the same. */
  async resolve(task: TaskShape, label: string, path: Path, target?: Target): Promise<PlannedTask | undefined> {
    this.#checkPrompt(task.prompt, path);
    if (task.outputSchema) this.#checkSchema(task.outputSchema, path);
    const { overrides } = this.#surroundings;
    const timeoutMs = overrides.timeoutMs ?? this.#duration(task.timeout, [...path, 'timeout']) ?? DEFAULT_TIMEOUT_MS;
    const stallTimeoutMs = this.#duration(task.stallTimeout, [...path, 'stallTimeout']) ?? DEFAULT_STALL_TIMEOUT_MS;
    const maxBudgetMicroUsd = this.#money(task.maxBudgetUsd, [...path, 'maxBudgetUsd']);
    const model = this.#model(task.model, path);
    const permissions = this.#grant(task, path);
    const place = await this.#place(task, path, target);
    if (!place) return undefined;
    const context = await readContext(
      task.context,
      [...path, 'context'],
      place.roots,
      this.#contextFiles,
      this.#faults,
    );
    return {
      label,
      prompt: task.prompt,
      context: [...place.context, ...context],
      model,
      timeoutMs,
      stallTimeoutMs,
      permissions,
      workspace: place.workspace,
      isEligible: true,
      dependsOn: [],
      ...(task.effort && { effort: task.effort }),
      ...(task.thinking && { thinking: task.thinking }),
      ...(task.maxTurns && { maxTurns: task.maxTurns }),
      ...(maxBudgetMicroUsd && { maxBudgetMicroUsd }),
      ...(task.outputSchema && { outputSchema: task.outputSchema }),
    };
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

  #duration(value: unknown, path: Path): number | undefined {
    const ms = value === undefined ? undefined : parseDuration(value);
    if (value !== undefined && ms === undefined) {
      this.#faults.add(path, `\`${String(path.at(-1))}\` is ${JSON.stringify(value)}`, `write ${DURATION_HINT}`);
    }
    return ms;
  }

  #money(value: unknown, path: Path): number | undefined {
    const amount = value === undefined ? undefined : parseMicroUsd(value);
    if (value !== undefined && amount === undefined) {
      this.#faults.add(path, `\`${String(path.at(-1))}\` is ${JSON.stringify(value)}`, `write ${MONEY_HINT}`);
    }
    return amount;
  }

  #model(named: string | undefined, path: Path): string {
    const { overrides, defaults } = this.#surroundings;
    const model = overrides.model ?? named ?? defaults.model ?? DEFAULT_MODEL;
    const isFlag = this.#surroundings.overrides.model !== undefined;
    let verdict = this.#models.get(model);
    const isFirst = verdict === undefined;
    if (verdict === undefined) this.#models.set(model, (verdict = this.#surroundings.knownModels(model)));
    if (verdict !== true && (isFirst || !isFlag)) {
      const message = `the model ${JSON.stringify(model)} is not known`;
      const hint = typeof verdict === 'string' ? `write ${verdict}` : `write one such as ${DEFAULT_MODEL}`;
      if (isFlag) this.#faults.addElsewhere('--model', message, hint);
      else this.#faults.add([...path, 'model'], message, hint);
    }
    return model;
  }

  #grant(task: TaskShape, path: Path): PlannedTask['permissions'] {
    const { grant, faults, warnings } = resolveGrant(task.permissions);
    for (const { list, index, message, hint } of faults) {
      this.#faults.add([...path, 'permissions', list, index], message, hint);
    }
    for (const warning of warnings) this.warnings.add(warning);
    return grant;
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
      return { workspace, roots: { starts: [base], bounds: [await this.#realBase()] }, context: [] };
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
    return { workspace: { directory: place.directory }, roots, context };
  }

  /** A file target's path as the subagent sees it: its working directory is the file's. */
  #pathInside({ file, directory }: { file: string; directory: string }): string {
    return isInside(file, directory) ? file.slice(directory.length).replace(/^[/\\]/, '') : file;
  }

  #checkRepo({ url, ref }: { url: string; ref?: string | undefined }, path: Path): boolean {
    if (hasPassword(url)) {
      this.#faults.add(
        [...path, 'repo', 'url'],
        'the git URL holds a credential',
        'remove it; git asks its credential helper',
      );
    } else if (!isGitUrl(url)) {
      const hint = 'write https://host/name.git or git@host:name.git';
      this.#faults.add([...path, 'repo', 'url'], `${JSON.stringify(url)} is no git URL`, hint);
    } else if (ref?.startsWith('-')) {
      this.#faults.add([...path, 'repo', 'ref'], `${JSON.stringify(ref)} is no ref`, 'write a branch, tag or commit');
    } else return true;
    return false;
  }

  async #realBase(): Promise<string> {
    return (await this.#places.find(this.#surroundings.base))?.root ?? this.#surroundings.base;
  }
}

interface PlacedTask {
  workspace: PlannedTask['workspace'];
  roots: ContextRoots;
  context: ContextItem[];
}
