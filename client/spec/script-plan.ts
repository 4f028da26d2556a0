import { parseScript, type ParsedScript } from '../../activities/script/parse.ts';
import { DEFAULT_STALL_TIMEOUT_MS, DEFAULT_TIMEOUT_MS } from '../../workflows/contract/limits.ts';
import { agentDefinitions } from './agent-definitions.ts';
import { calledScripts } from './called-scripts.ts';
import { FaultList } from './fault-list.ts';
import { fleetName } from './fleet-name.ts';
import { grantOfFlags } from './flag-grant.ts';
import { limitsOfFlags } from './flag-limits.ts';
import { resolveGrant } from './permissions.ts';
import type { Place } from './places.ts';
import type { PlanSettings } from './plan-settings.ts';
import { InvalidFleet, type FleetPlan, type PlannedScript } from './plan.ts';
import type { SavedScript } from './saved-scripts.ts';
import { scriptModel } from './script-model.ts';
import type { ScriptSource } from './script-source.ts';
import { nowhere } from './source-document.ts';
import { hashOfText } from './source-text.ts';

export interface ScriptInput {
  script: ScriptSource;
  /** JSON text; omitted: `args` is undefined. */
  args?: string | undefined;
  /** In place of the script's own. */
  name?: string | undefined;
  /** The current directory. */
  place: Place;
  saved: () => Promise<ReadonlyMap<string, SavedScript>>;
}

/**
 * A workflow script as a fleet whose parent it is: read, with all it may need from this disk (saved scripts, definitions
 * of agents), but not run. Throws `InvalidFleet` with the faults of the script, of those it names, and of flags.
 */
export async function loadScript(
  { script, args, name, place, saved }: ScriptInput,
  settings: PlanSettings,
): Promise<FleetPlan> {
  const { meta, workflows } = parse(script);
  const faults = new FaultList(
    script.file,
    nowhere({}, () => script.file),
  );
  const warnings = new Set<string>();
  const grant = settings.ceiling && grantOfFlags(settings.ceiling, { faults, warnings });
  const { model, isForced, models } = scriptModel(settings, faults);
  const definitions = await agentDefinitions(place, models);
  const called = await calledScripts({ ...script, calls: workflows }, place, saved);
  const limits = limitsOfFlags(settings, faults);
  const all = [...called.faults, ...faults.faults];
  if (all.length > 0) throw new InvalidFleet(all);
  const planned: PlannedScript = {
    ...{ meta, source: script.text, file: script.file, saved: called.saved, agents: definitions.agents },
    ...(args !== undefined && { args }),
    defaults: {
      workspace: { directory: place.directory },
      permissions: grant ?? resolveGrant('edit').grant,
      ...{ model, timeoutMs: settings.overrides.timeoutMs ?? DEFAULT_TIMEOUT_MS },
      stallTimeoutMs: DEFAULT_STALL_TIMEOUT_MS,
    },
    isModelForced: isForced,
    ...(grant && { ceiling: grant }),
  };
  return {
    name: fleetName(name ?? meta.name, 'script'),
    source: script.source,
    ...{ kind: 'script', script: planned, tasks: [], ...limits },
    textHash: hashOfText(script.text, args),
    warnings: [...warnings, ...called.warnings, ...definitions.warnings],
  };
}

function parse({ text, file }: ScriptSource): Extract<ParsedScript, { ok: true }> {
  const parsed = parseScript(text, file);
  if (parsed.ok) return parsed;
  throw new InvalidFleet(parsed.faults.map((fault) => ({ file, ...fault })));
}
