import { assemblePatches, type Assembly } from '../../activities/workspace/assemble.ts';
import { repositoryAround } from '../../activities/workspace/file-list.ts';
import type { FleetRecord, WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import type { FleetClient } from '../fleet-client/fleet-client.ts';
import type { ApplyFlags } from './commands/apply.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { oneLine } from './figures.ts';
import { withSession } from './session.ts';

/** The patches made in one repository, on one state of it. */
interface Pile {
  repository: string;
  source: WorkspaceSource;
  patches: { label: string; patch: string }[];
}

/** Patches that no branch can take, and why. */
interface LeftOut {
  labels: string[];
  reason: string;
}

type Branch = Assembly & { repository: string };

/** `muster apply`; resolves with the exit code: 3 when a patch is in no branch. */
export async function applyFleet(id: string, { branch, force, outputFormat }: ApplyFlags): Promise<number> {
  return withSession({}, async ({ client, stack, terminal }) => {
    const fleet = await client.find(id);
    const { piles, leftOut } = await pilesOf(client, fleet);
    const branches: Branch[] = [];
    for (const { repository, source, patches } of piles) {
      const options = { repository, source, patches, branch: branch ?? `muster/${fleet.id}`, store: stack.store };
      const assembly = await assemblePatches({ ...options, force: force === true }).catch(inWords);
      branches.push({ repository, ...assembly });
    }
    if (outputFormat === 'json') terminal.data(`${JSON.stringify({ id: fleet.id, branches, left_out: leftOut })}\n`);
    else terminal.data(applyText(branches, leftOut));
    const isWhole = leftOut.length === 0 && branches.every(({ conflicts }) => conflicts.length === 0);
    return isWhole ? EXIT.done : EXIT.incomplete;
  });
}

function inWords(error: unknown): never {
  if (error instanceof Error && error.name === 'BranchExists') {
    throw new CommandFailure(
      EXIT.usage,
      error.message,
      'name another with --branch, or move it with --force',
      'branch_exists',
    );
  }
  if (error instanceof TypeError) throw new CommandFailure(EXIT.usage, error.message, 'write --branch NAME');
  throw error;
}

async function pilesOf(client: FleetClient, fleet: FleetRecord): Promise<{ piles: Pile[]; leftOut: LeftOut[] }> {
  const piles = new Map<string, Pile>();
  const homeless = new Map<string, LeftOut>();
  const roots = new Map<string, Promise<string | undefined>>();
  for await (const { index, result } of client.results(fleet.id)) {
    if (!result.changes) continue;
    const { workspace } = await client.records.task(fleet.manifest, index);
    const { repo, origin, tree } = workspace;
    if (!roots.has(origin)) roots.set(origin, repo ? Promise.resolve(undefined) : rootOf(origin));
    const repository = await roots.get(origin);
    if (repository === undefined) {
      const entry = homeless.get(origin) ?? { labels: [], reason: `${origin} is no git repository on this machine` };
      entry.labels.push(result.label);
      homeless.set(origin, entry);
      continue;
    }
    const key = JSON.stringify([repository, tree]);
    const pile = piles.get(key) ?? { repository, source: workspace, patches: [] };
    pile.patches.push({ label: result.label, patch: result.changes.patch });
    piles.set(key, pile);
  }
  return { piles: [...piles.values()], leftOut: [...homeless.values()] };
}

/** Undefined where there is no repository (any more). */
const rootOf = (directory: string): Promise<string | undefined> => repositoryAround(directory).catch(() => undefined);

function applyText(branches: readonly Branch[], leftOut: readonly LeftOut[]): string {
  if (branches.length === 0 && leftOut.length === 0) return 'nobody changed a file\n';
  const lines = branches.flatMap(({ repository, branch, commit, applied, conflicts }) => [
    `${branch} at ${commit.slice(0, 12)} in ${repository}: ${applied.length} applied`,
    ...conflicts.map(
      ({ label, files, reason }) =>
        `  conflict ${oneLine(label)}: ${oneLine(reason)}: ${files.map(oneLine).join(', ')}`,
    ),
  ]);
  const out = leftOut.map(
    ({ labels, reason }) => `  left out ${labels.map(oneLine).join(', ')}: ${reason}; see muster diff`,
  );
  return `${[...lines, ...out].join('\n')}\n`;
}
