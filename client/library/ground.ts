import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { SIMULATED, type ClaudeAccess, type Config } from '../config.ts';
import { FleetFailure } from '../fleet-client/failure.ts';
import { FleetClient } from '../fleet-client/fleet-client.ts';
import { lastDown } from '../local/down.ts';
import { openStack } from '../local/open-stack.ts';
import type { Stack } from '../local/stack.ts';

/** What fleets of one home are started, watched and steered with. */
export interface Ground {
  readonly config: Config;
  readonly stack: Stack;
  readonly client: FleetClient;
  /** False once somebody ended by hand what ran here: what is opened after that may bring it back, this may not. */
  readonly isStanding: () => boolean;
}

/** Starts nothing: the client brings server and worker up when it must. Throws `CommandFailure`. */
export async function openGround(config: Config, onTalk: (line: string) => void): Promise<Ground> {
  const stack = await openStack(config, { onProgress: onTalk, needsServer: false });
  const client = new FleetClient(stack, (fleet) => accessOf(fleet, config));
  const down = lastDown(stack.home);
  return { config, stack, client, isStanding: () => lastDown(stack.home) === down };
}

/** As whom a fleet's worker speaks to Claude; undefined: there is no credential here. */
export function accessOf({ simulated }: Pick<FleetRecord, 'simulated'>, config: Config): ClaudeAccess | undefined {
  return simulated ? SIMULATED : config.claude?.isSimulated ? undefined : config.claude;
}

/**
 * The queue of a worker that may go on with an ended fleet: with the credential of this process, which may be another
 * than before. Rejects with `no_credential`.
 */
export async function queueOf({ stack, config }: Ground, fleet: FleetRecord): Promise<string> {
  const access = accessOf(fleet, config);
  if (access) return stack.ensureWorker(access);
  const message = `the fleet ${fleet.id} needs a Claude credential`;
  throw new FleetFailure('no_credential', message, 'set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN');
}
