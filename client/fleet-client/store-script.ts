import type { ArtifactStore } from '../../activities/artifacts/store.ts';
import type { ScriptPlan, WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import type { PlannedScript } from '../spec/plan.ts';
import { mapOf } from './bounded.ts';

/** The script and all that goes with it, by reference. Calling it twice stores once. */
export async function storeScript(
  script: PlannedScript,
  workspace: WorkspaceSource,
  store: ArtifactStore,
): Promise<ScriptPlan> {
  const put = (text: string): Promise<ArtifactRef> => store.put(Buffer.from(text));
  const { meta, source, file, args, saved, defaults, isModelForced, ceiling, agents } = script;
  const stored = await mapOf(Object.entries(saved), async ([name, text]) => [name, await put(text)] as const);
  return {
    ...{ name: meta.name, source: await put(source), file },
    ...(args !== undefined && { args: await put(args) }),
    saved: Object.fromEntries(stored),
    defaults: { ...defaults, workspace },
    ...(isModelForced && { isModelForced }),
    ...(ceiling && { ceiling }),
    agents,
  };
}
