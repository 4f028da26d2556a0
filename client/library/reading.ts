import { openStore } from '../../activities/artifacts/open-store.ts';
import type { ArtifactStore } from '../../activities/artifacts/store.ts';
import { fleetWorkflowId } from '../../workflows/contract/ids.ts';
import type { Config } from '../config.ts';
import { FleetReading, type AskRoot } from '../fleet-client/fleet-reading.ts';
import type { Standing } from '../fleet-client/standing.ts';
import { createHome } from '../local/home.ts';

/** What fleets are read with: nothing of Temporal is loaded before it must be. */
export interface Reading {
  readonly store: ArtifactStore;
  readonly fleets: FleetReading;
}

/** `askElsewhere` is turned to where the embedded server has no answer at once: it, or the worker, may have to be brought up. */
export async function openReading(config: Config, askElsewhere: AskRoot): Promise<Reading> {
  createHome(config.home);
  const store = await openStore(config.artifacts);
  const askRoot: AskRoot = async (fleet, signal) => {
    const { quickLook } = await import('../local/quick-look.ts');
    const isElsewhere = config.temporal !== undefined || config.operator.encryptionKeys.length > 0;
    const seen = isElsewhere ? undefined : await quickLook(config.home, fleetWorkflowId(fleet.id), STANDING);
    return (seen as Standing | undefined) ?? askElsewhere(fleet, signal);
  };
  return { store, fleets: new FleetReading(store, askRoot) };
}

/** `standingQuery`, whose file loads Temporal; a test holds one against the other. */
export const STANDING = 'standing';
