import { createHash } from 'node:crypto';
import { recordKeys } from '../../workflows/contract/ids.ts';
import { ReuseEntry } from '../../workflows/contract/record.schema.ts';
import type { Manifest, Result, Task } from '../../workflows/contract/task.schema.ts';
import { hasTool } from '../../workflows/policy/shell-scope.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { PriorResult } from './prompt.ts';

/**
 * Everything that shapes a subagent's output (contracts §2, reuse), as one hash. `tree` is that of the workspace it
 * starts from, saved scripts left out. Label, timeouts and money are left out on purpose, and so are a fallback and retries:
 * what was completed with them is as good.
 */
export function reuseKey(task: Task, manifest: Manifest, tree: string, prior: readonly PriorResult[]): string {
  const { prompt, context, model, effort, thinking, permissions, outputSchema, workspace } = task;
  const { agent, projectMemory, env, verify, mcpServers } = task;
  const shape = {
    prompt,
    context,
    prior: prior.map(({ result }) => result.structured_output ?? result.output),
    model,
    effort,
    thinking,
    permissions: { ...permissions, allow: permissions.allow.toSorted(), deny: permissions.deny.toSorted() },
    tree,
    directory: workspace.subdirectory,
    outputSchema,
    agent,
    projectMemory: projectMemory || undefined,
    env,
    verify: verify?.map(({ name, run }) => ({ name, run })),
    mcpServers: mcpServers?.map((name) => [name, manifest.mcpServers?.[name] ?? 'of the operator']),
    endpoint: manifest.simulated ? 'simulated' : manifest.endpoint,
    occurrenceOf: task.occurrenceOf,
  };
  return createHash('sha256').update(canonical(shape)).digest('hex');
}

/** JSON with sorted keys and without what is undefined, so that every serialiser agrees. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

/** Whether what it saw may be another tomorrow: the web and servers are no part of the key. */
export function seesOutside({ permissions, mcpServers }: Task): boolean {
  return hasTool(permissions, 'WebFetch') || (mcpServers ?? []).length > 0;
}

/** A completed result of an equal task of an earlier fleet, with where it lies. Never one of the same fleet. */
export async function findReusable(
  { store, records }: { store: ArtifactStore; records: FleetRecords },
  key: string,
  occurrence: number,
  fleetId: string,
): Promise<{ result: Result; from: string } | undefined> {
  const entry = ReuseEntry.safeParse((await store.readRecord(recordKeys.reuse(key, occurrence)))?.value);
  if (!entry.success || entry.data.fleetId === fleetId) return undefined;
  const { fleetId: from, index, generation } = entry.data;
  const result = (await records.subagent(from, index, generation))?.record.result;
  if (result?.status !== 'completed' || !(await isWhole(store, result))) return undefined;
  return { result, from: `${from}/${result.label}` };
}

/** Its fleet may have been collected since. */
async function isWhole(store: ArtifactStore, { changes, transcript }: Result): Promise<boolean> {
  const refs = [changes?.patch, transcript].filter((ref) => ref !== undefined);
  return (await Promise.all(refs.map((ref) => store.has(ref)))).every(Boolean);
}

/** Points later fleets at this result; the newest wins, and losing a race costs only a chance to reuse. */
export async function offerForReuse(
  store: ArtifactStore,
  key: string,
  occurrence: number,
  entry: ReuseEntry,
): Promise<void> {
  const record = recordKeys.reuse(key, occurrence);
  const isWritten = async (version: number): Promise<boolean> => {
    try {
      await store.writeRecord(record, entry, version);
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === 'RecordConflict') return false;
      throw error;
    }
  };
  if (!(await isWritten(0))) await isWritten((await store.readRecord(record))?.version ?? 0);
}
