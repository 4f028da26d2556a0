import type { Connection } from '@temporalio/client';
import { fingerprint } from '../../activities/claude/endpoint.ts';
import { agentsQueue } from '../../workflows/contract/ids.ts';
import { CommandFailure } from '../cli/context.ts';
import { EXIT } from '../cli/exit-codes.ts';
import type { ClaudeAccess, Config } from '../config.ts';
import { FleetClient } from '../fleet-client/fleet-client.ts';
import { isServing } from '../local/daemon.ts';
import { openStack } from '../local/open-stack.ts';
import { isFresh, readPolls } from '../local/pollers.ts';
import { readServer } from '../local/server.ts';
import type { Stack } from '../local/stack.ts';
import { Schedules } from './schedules.ts';

/** What the commands on schedules work with. */
export interface ScheduleGround extends AsyncDisposable {
  readonly stack: Stack;
  readonly client: FleetClient;
  readonly schedules: Schedules;
  /** Where subagents with this access run when nobody is there. */
  queueOf(access: ClaudeAccess): Promise<string>;
}

/**
 * Connects to a Temporal service that stays: that of others, or the embedded one while `muster up` keeps it. Throws
 * `CommandFailure` 2 where there is none: what `run` brings up ends when it is idle, and would fire nothing.
 */
export async function openSchedules(config: Config, say: (line: string) => void): Promise<ScheduleGround> {
  const isEmbedded = config.temporal === undefined;
  const server = readServer(config.home);
  if (isEmbedded && !(isServing(server) && server.isKept)) {
    const hint = '`muster up` keeps a server and a worker until `muster down`; TEMPORAL_ADDRESS names one of others';
    throw new CommandFailure(
      EXIT.usage,
      'schedules need a Temporal service that stays, and none is up',
      hint,
      'no_service',
    );
  }
  const stack = await openStack(config, { onProgress: say, isKept: isEmbedded });
  return {
    stack,
    client: new FleetClient(stack),
    schedules: new Schedules(stack),
    queueOf: (access) => queueOf(access, { config, stack, say }),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}

/** On a cluster nobody is brought up from here: what this machine starts would end with it. */
async function queueOf(
  access: ClaudeAccess,
  { config, stack, say }: { config: Config; stack: Stack; say: (line: string) => void },
): Promise<string> {
  if (!config.temporal || access.isSimulated) return stack.ensureWorker(access);
  const queue = agentsQueue(fingerprint(access));
  const connection = stack.client.connection as Connection;
  if (!isFresh(await readPolls(connection, config.temporal.namespace, queue)))
    say('warning: no worker serves this Claude endpoint and credential at the moment: its fleets will wait for one');
  return queue;
}
