import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { deprecationsAgent } from './agents/deprecations.ts';
import { spawningParent } from './agents/spawning-parent.ts';
import { genericAgent } from './generic-agent.ts';
import type { AgentScript, SimulatedRequest } from './script.ts';

/** Asked after all others. */
const BUILT_IN: readonly AgentScript[] = [deprecationsAgent, spawningParent];

/** Agent scripts in the order they are asked; the generic agent answers what none of them knows. */
export class ScriptRegistry {
  readonly #scripts: AgentScript[];

  constructor(scripts: readonly AgentScript[]) {
    this.#scripts = [...scripts, ...BUILT_IN];
  }

  find(request: SimulatedRequest): AgentScript {
    return this.#scripts.find((script) => script.matches(request)) ?? genericAgent;
  }
}

/**
 * Scripts of a module: `export const scripts: AgentScript[]`, or a script or list as default export. Throws with the path when
 * the module cannot be loaded or holds anything else.
 */
export async function loadScripts(path: string): Promise<AgentScript[]> {
  const module = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
  const found = [module['scripts'] ?? module['default']].flat();
  if (found.length > 0 && found.every(isScript)) return found;
  throw new Error(`${path}: export const scripts, a list of agents with name, matches and reply, is needed`);
}

function isScript(value: unknown): value is AgentScript {
  if (typeof value !== 'object' || value === null) return false;
  const { name, matches, reply } = value as Partial<AgentScript>;
  return typeof name === 'string' && typeof matches === 'function' && typeof reply === 'function';
}
