import type { FleetRecords } from '../artifacts/fleet-records.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { Log } from '../observe/log.ts';
import type { Redact } from '../observe/redaction.ts';
import type { Spawning } from '../spawn/spawning.ts';
import type { Deaths } from './faults.ts';
import type { Interpreters } from './interpreters.ts';
import type { Launch } from './launch.ts';
import type { ScriptLimits } from './limits.ts';

/** What scripts need of this worker; siblings come from its composition root. */
export interface ScriptParts {
  store: ArtifactStore;
  records: Pick<FleetRecords, 'manifest' | 'fleet' | 'newestResult' | 'subagent'>;
  spawning: Pick<Spawning, 'resolve' | 'ask' | 'answer'>;
  launch: Launch;
  /** Micro-dollars a million output tokens of a model; undefined: nobody knows. */
  outputMicroUsd: (model: string) => number | undefined;
  redact: Redact;
  log: Log;
  limits: ScriptLimits;
}

/** What all exchanges of one worker share. */
export interface ScriptRoom {
  parts: ScriptParts;
  interpreters: Interpreters;
  deaths: Deaths;
}
