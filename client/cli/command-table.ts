import type { Register } from './context.ts';

type Loader = () => Promise<{ register: Register }>;

/** Each command with the file that registers it, in the order of the help: only the one asked for is loaded. */
export const COMMANDS: ReadonlyMap<string, Loader> = new Map<string, Loader>([
  ['run', () => import('./commands/run.ts')],
  ['validate', () => import('./commands/validate.ts')],
  ['targets', () => import('./commands/targets.ts')],
  ['preview', () => import('./commands/preview.ts')],
  ['schema', () => import('./commands/schema.ts')],
  ['init', () => import('./commands/init.ts')],
  ['list', () => import('./commands/list.ts')],
  ['status', () => import('./commands/status.ts')],
  ['watch', () => import('./commands/watch.ts')],
  ['results', () => import('./commands/results.ts')],
  ['show', () => import('./commands/show.ts')],
  ['diff', () => import('./commands/diff.ts')],
  ['apply', () => import('./commands/apply.ts')],
  ['pause', () => import('./commands/pause.ts')],
  ['resume', () => import('./commands/resume.ts')],
  ['approve', () => import('./commands/approve.ts')],
  ['reject', () => import('./commands/reject.ts')],
  ['cancel', () => import('./commands/cancel.ts')],
  ['stop', () => import('./commands/stop.ts')],
  ['skip', () => import('./commands/skip.ts')],
  ['retry', () => import('./commands/retry.ts')],
  ['set', () => import('./commands/set.ts')],
  ['schedule', () => import('./commands/schedule.ts')],
  ['gc', () => import('./commands/gc.ts')],
  ['doctor', () => import('./commands/doctor.ts')],
  ['up', () => import('./commands/up.ts')],
  ['down', () => import('./commands/down.ts')],
  ['dev', () => import('./commands/dev.ts')],
  ['worker', () => import('./commands/worker.ts')],
  ['mcp', () => import('./commands/mcp.ts')],
  ['completion', () => import('./commands/completion.ts')],
]);

/**
 * What the list of commands says of those whose files take long to load (a test holds it against the files): help and
 * suggestions must be there at once.
 */
export const SUMMARIES: ReadonlyMap<string, string> = new Map([
  ['doctor', 'say what muster would use, check what it needs, and how to mend it'],
  ['up', 'bring up the local server and a worker, until `muster down`'],
  ['down', 'end the local worker, simulated Claude and server'],
  ['dev', "run the server with Temporal's UI and a worker in the foreground"],
]);
