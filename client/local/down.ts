import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOME } from '../../workflows/contract/home.ts';
import { FLEET_WORKFLOW, fleetIdOf } from '../../workflows/contract/ids.ts';
import {
  endProcess,
  endStrays,
  readState,
  removeState,
  writeState,
  type DaemonKind,
  type DaemonState,
} from './daemon.ts';
import { replace } from './home.ts';
import { isAlive } from './process-identity.ts';
import { connectEmbedded, NAMESPACE, readServer } from './server.ts';
import { DRAIN_MS, listWorkers } from './worker.ts';

export interface KnownDaemon {
  kind: DaemonKind;
  /** Relative to the home. */
  file: string;
  state: DaemonState;
  isAlive: boolean;
}

export interface EndedDaemon {
  kind: DaemonKind;
  pid: number;
  /** `killed`: it did not end in time. */
  how: 'ended' | 'killed';
}

const GRACE_MS: Readonly<Record<DaemonKind, number>> = { worker: DRAIN_MS, simulated: 3_000, server: 10_000 };
/** Workers first: they hand over what they hold, which takes the server and Claude. */
const ORDER: readonly DaemonKind[] = ['worker', 'simulated', 'server'];
/** Changes whenever `down` is asked for. */
const DOWN_FILE = join(HOME.run, 'down');

/** The daemons of the home that have a file, in the order in which they are to be ended. */
export function listDaemons(home: string): KnownDaemon[] {
  const files: [DaemonKind, string][] = [
    ...listWorkers(home).map(({ name }): [DaemonKind, string] => ['worker', HOME.workerFile(name)]),
    ['simulated', HOME.simulatedFile],
    ['server', HOME.serverFile],
  ];
  return files.flatMap(([kind, file]) => {
    const state = readState(home, file);
    return state ? [{ kind, file, state, isAlive: isAlive(state) }] : [];
  });
}

/**
 * Ends the daemons of the home, those that no file names as well, or only those of `only`, and waits for them. The
 * caller holds the home's lock. The port of the server and of the simulated Claude is remembered.
 */
export async function endDaemons(
  home: string,
  only: (daemon: KnownDaemon) => boolean = () => true,
): Promise<EndedDaemon[]> {
  const daemons = listDaemons(home);
  const ended: EndedDaemon[] = [];
  for (const kind of ORDER) {
    const chosen = daemons.filter((daemon) => daemon.kind === kind && only(daemon));
    await Promise.all(
      chosen.map(async ({ state, file }) => {
        const how = await endProcess(state, GRACE_MS[kind]);
        if (state.port === null) removeState(home, file);
        else writeState(home, file, { ...state, isReady: false });
        if (how !== 'gone') ended.push({ kind, pid: state.pid, how });
      }),
    );
    const kept = daemons.filter((daemon) => daemon.kind === kind && !only(daemon)).map(({ state }) => state);
    for (const { pid } of await endStrays(home, kind, kept)) ended.push({ kind, pid, how: 'ended' });
  }
  return ended;
}

/** Ids of the fleets that are under way on the embedded server; undefined when it does not run or answer. */
export async function listOpenFleets(home: string): Promise<string[] | undefined> {
  const server = readServer(home);
  if (!server?.address || !isAlive(server)) return undefined;
  try {
    const connection = await connectEmbedded(server.address, 2_000);
    try {
      const query = `WorkflowType = '${FLEET_WORKFLOW}' AND ExecutionStatus = 'Running'`;
      const ids: string[] = [];
      let nextPageToken: Uint8Array | undefined;
      do {
        // Not by the client: it would decode memos, which may be encrypted, for nothing.
        const page = await connection.workflowService.listWorkflowExecutions({
          namespace: NAMESPACE,
          query,
          ...(nextPageToken && { nextPageToken }),
        });
        const found = page.executions.flatMap(({ execution }) => execution?.workflowId ?? []);
        ids.push(...found.map((workflowId) => fleetIdOf(workflowId) ?? workflowId));
        nextPageToken = page.nextPageToken;
      } while (nextPageToken?.length > 0);
      return ids;
    } finally {
      await connection.close();
    }
  } catch {
    return undefined;
  }
}

/** Tells commands that are under way not to bring back what ends now. */
export function announceDown(home: string): void {
  replace(join(home, DOWN_FILE), randomUUID());
}

/** Another text after each announcement; '' before the first. */
export function lastDown(home: string): string {
  const path = join(home, DOWN_FILE);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
