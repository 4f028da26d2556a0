import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { findModel, nearestModel } from '../../activities/claude/prices.ts';
import type { Config } from '../config.ts';
import type { FleetSource, StartOptions } from '../library/library.ts';
import { agentDefinitions } from './agent-definitions.ts';
import { FaultList } from './fault-list.ts';
import type { GivenRules } from './flag-grant.ts';
import { loadFleet, loadTasks } from './load.ts';
import { Models } from './models.ts';
import { Places, type Place } from './places.ts';
import type { PlanSettings } from './plan-settings.ts';
import { InvalidFleet, maySpawn, type FleetPlan } from './plan.ts';
import { loadPrompt } from './prompt-plan.ts';
import { savedScripts, type SavedScript } from './saved-scripts.ts';
import { loadScript, type ScriptInput } from './script-plan.ts';
import { isScriptText, namesScript, readScript } from './script-source.ts';
import { nowhere } from './source-document.ts';

/** Where, and with whose configuration, a plan is made. */
export interface PlanContext {
  /** Absolute. */
  cwd: string;
  config: Pick<Config, 'model' | 'concurrency' | 'environment' | 'operator'>;
  /** Reads what the file `-` is; omitted: nothing. */
  readStdin?: () => Promise<string>;
}

/**
 * What a source comes to with all options applied: the one way from files, lists, scripts and prompts to a fleet. Reads
 * the disk; starts, writes and spends nothing, and runs no command. Throws `InvalidFleet` with all faults at once.
 *
 * A `script` is the path of one, the name of a saved one, or the text itself; a `file` may be a script too.
 */
export async function planOf(source: FleetSource, options: StartOptions & PlanContext): Promise<FleetPlan> {
  const place = await new Places().find(options.cwd);
  if (!place) throw invalid(options.cwd, 'the current directory does not exist', 'change to one that does');
  const planner = new Planner(settingsOf(options), place, options.readStdin);
  const plan = await planner.plan(source);
  return plan.script || maySpawn(plan) === 0 ? plan : planner.withAgents(plan);
}

class Planner {
  readonly #settings: PlanSettings;
  readonly #place: Place;
  readonly #readStdin: () => Promise<string>;
  #saved: Promise<Map<string, SavedScript>> | undefined;

  constructor(settings: PlanSettings, place: Place, readStdin: PlanContext['readStdin']) {
    this.#settings = settings;
    this.#place = place;
    this.#readStdin = readStdin ?? (() => Promise.resolve(''));
  }

  plan(source: FleetSource): Promise<FleetPlan> {
    if ('tasks' in source) return loadTasks(source, this.#settings);
    if ('prompt' in source) return loadPrompt({ ...source, rules: this.#rulesFor(source) }, this.#settings);
    return 'script' in source ? this.#script(source) : this.#file(source);
  }

  /** What subagents of the plan's own may name when they spawn: from its file upwards, as in the file itself. */
  async withAgents(plan: FleetPlan): Promise<FleetPlan> {
    const sources = { flag: undefined, standard: undefined, known: this.#settings.knownModels };
    const models = new Models(sources, new FaultList('', nowhere({}, String)));
    const place = plan.source === '-' ? undefined : await new Places().find(dirname(plan.source));
    const { agents, warnings } = await agentDefinitions(place ?? this.#place, models);
    return { ...plan, agents, warnings: [...plan.warnings, ...warnings] };
  }

  async #file({ file, params = {} }: Extract<FleetSource, { file: string }>): Promise<FleetPlan> {
    const settings = this.#settings;
    const stdin = file === '-' ? await this.#readStdin() : undefined;
    const isScript = stdin === undefined ? await namesScript(file, settings.cwd, this.#scripts) : isScriptText(stdin);
    if (!isScript) return loadFleet({ ...settings, source: file, params, ...(stdin !== undefined && { stdin }) });
    const [name] = Object.keys(params);
    if (name !== undefined) throw invalid('-p', `a workflow script has no parameter \`${name}\``, ARGS_HINT);
    return stdin === undefined
      ? this.#script({ script: file })
      : loadScript({ script: { text: stdin, file: 'stdin', source: '-' }, ...this.#surroundings }, settings);
  }

  async #script({ script, args, name }: Extract<FleetSource, { script: string }>): Promise<FleetPlan> {
    const read = await readScript(script, this.#settings.cwd, this.#scripts);
    return loadScript({ script: read, args: jsonOf(args), name, ...this.#surroundings }, this.#settings);
  }

  get #surroundings(): Pick<ScriptInput, 'place' | 'saved'> {
    return { place: this.#place, saved: this.#scripts };
  }

  /** Saved ones, read when they are first asked for. */
  readonly #scripts = (): Promise<Map<string, SavedScript>> => {
    const { HOME } = this.#settings.environment ?? {};
    return (this.#saved ??= savedScripts(this.#place, HOME?.trim() || homedir()));
  };

  #rulesFor({ allow = [], deny = [] }: Extract<FleetSource, { prompt: string }>): GivenRules {
    const { ceiling } = this.#settings;
    return { allow: [...allow, ...(ceiling?.allow ?? [])], deny: [...deny, ...(ceiling?.deny ?? [])] };
  }
}

const ARGS_HINT = `give its input as JSON: --args '{"key": "value"}', or --args @FILE`;
/** More belongs into files that agents read; a script's engine has 64 MiB in all. */
const MAX_ARGS_BYTES = 8 * 1_048_576;

function jsonOf(args: unknown): string | undefined {
  let text: string | undefined;
  try {
    text = JSON.stringify(args);
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    throw invalid('--args', `this is no JSON: ${message}`, 'give texts, numbers, lists and plain objects');
  }
  const size = Buffer.byteLength(text ?? '');
  if (size <= MAX_ARGS_BYTES) return text;
  throw invalid('--args', `${size} bytes are more than 8 MiB`, 'put the data into files of the workspace');
}

const invalid = (file: string, message: string, hint: string): InvalidFleet =>
  new InvalidFleet([{ file, line: 0, column: 0, message, hint }]);

function settingsOf({ cwd, config, ...options }: StartOptions & PlanContext): PlanSettings {
  const { concurrency, budgetUsd, maxAgents, maxDepth, model, timeoutMs, allow, deny } = options;
  return {
    cwd,
    overrides: {
      ...(concurrency !== undefined && { concurrency }),
      ...(budgetUsd !== undefined && { budgetUsd }),
      ...(maxAgents !== undefined && { maxAgents }),
      ...(maxDepth !== undefined && { maxDepth }),
      ...(model !== undefined && { model }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    },
    defaults: {
      ...(config.model !== undefined && { model: config.model }),
      ...(config.concurrency !== undefined && { concurrency: config.concurrency }),
    },
    ...((allow ?? deny) && { ceiling: { allow: [...(allow ?? [])], deny: [...(deny ?? [])] } }),
    environment: config.environment,
    operatorMcpServers: Object.keys(config.operator.mcpServers),
    knownModels: (name) => findModel(name) || (nearestModel(name) ?? false),
  };
}
