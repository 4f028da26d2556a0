import type { FleetRecords } from '../activities/artifacts/fleet-records.ts';
import type { ArtifactStore } from '../activities/artifacts/store.ts';
import { findModel, knownModels, modelFacts, nearestModel } from '../activities/claude/prices.ts';
import { createSpawning } from '../activities/spawn/create-spawning.ts';
import type { Spawning } from '../activities/spawn/spawning.ts';
import { repoProblem } from '../activities/targets/target.ts';
import { schemaFault } from '../activities/tools/structured-output.ts';

/** How subagents of subagents and of scripts come into being in this process. Starts nothing. */
export function openSpawning(of: { store: ArtifactStore; records: FleetRecords }): Spawning {
  return createSpawning({
    ...of,
    models: {
      names: knownModels,
      known: (model) => findModel(model) || (nearestModel(model) ?? false),
      abilities(model) {
        if (!findModel(model)) return undefined;
        const { efforts, thinking } = modelFacts(model);
        return { effort: efforts, thinking };
      },
    },
    schemaFault,
    repoProblem,
  });
}
