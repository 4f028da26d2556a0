/** What contracts §5 names and this version does not have: refused by name, never taken for a slip of the finger. */

export const LATER_COMMANDS: ReadonlySet<string> = new Set(['publish', 'serve']);

export const LATER_FLAGS: ReadonlySet<string> = new Set(['--permission-mode']);

/** What people type who come from elsewhere (fleet-conventions §3). */
export const SPELT_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ...(['-j', '-C', '--jobs', '--parallel'] as const).map((flag) => [flag, '--concurrency N'] as const),
  ['--dry-run', 'muster validate FILE, or --simulate'],
  ['--resume', 'muster retry ID'],
  ['--format', '--output-format'],
]);

export const COMMANDS_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['submit', 'run'],
  ['get', 'status'],
  ['wait', 'watch'],
  ['terminate', 'cancel'],
  ['logs', 'show'],
  ['ls', 'list'],
  ['ps', 'list'],
]);
