import { join } from 'node:path';
import type { Config, Environment } from '../config.ts';
import { entry } from './entries.ts';

/** Where and how daemons are brought up. */
export interface Place {
  readonly config: Config;
  /** One line of talk for stderr. */
  readonly onProgress: (line: string) => void;
  /** By hand, and so until `muster down`; else until they are idle. */
  readonly isKept: boolean;
  /** Files that Node runs as worker and as simulated Claude. */
  readonly entries: { readonly worker: string; readonly simulated: string };
}

export const ENTRIES = { worker: entry('workers/main'), simulated: entry('client/simulated/main') };

/** The environment of our own Node processes: without what is a secret or for another server. */
export function nodeEnvironment(config: Config): Environment {
  return { ...withoutSecrets(config), NODE_COMPILE_CACHE: join(config.cache, 'compiled') };
}

/** Neither the server nor the simulated Claude has any use for a Claude credential or the keys of what is stored. */
export function withoutSecrets({ environment }: Config): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(([key]) => !/^(ANTHROPIC_|TEMPORAL_|AWS_|MUSTER_ENCRYPTION_)/.test(key)),
  );
}
