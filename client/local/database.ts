import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOME } from '../../workflows/contract/home.ts';
import { CommandFailure } from '../cli/context.ts';

/** Stands there from before the server first makes its database until it served once. */
const UNFINISHED = `${HOME.database}-unfinished`;

/**
 * Call before the server starts. A database whose making was interrupted holds nothing yet and would stop every start
 * (the server makes its tables only in a new file): it is removed. Nothing else ever is.
 */
export function prepareDatabase(home: string): void {
  const database = join(home, HOME.database);
  const unfinished = join(home, UNFINISHED);
  if (existsSync(unfinished)) for (const file of files(home)) rmSync(file, { force: true });
  if (!existsSync(database)) writeFileSync(unfinished, '');
}

/** Call once the server served. */
export function finishDatabase(home: string): void {
  rmSync(join(home, UNFINISHED), { force: true });
}

/** Renames the database, if there is one, and returns its new path. The caller has ended the server. */
export function setDatabaseAside(home: string): string | undefined {
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const database = join(home, HOME.database);
  if (!existsSync(database)) return undefined;
  for (const file of files(home)) if (existsSync(file)) renameSync(file, `${file}.aside-${stamp}`);
  return `${database}.aside-${stamp}`;
}

/** What the server said about a database that it cannot read, as a failure that says what to do; else undefined. */
export function databaseFailure(home: string, said: string): CommandFailure | undefined {
  const why = /malformed|not a database|no such table|no such column|disk I\/O error|unsupported file format/.exec(
    said,
  )?.[0];
  const isLocked = /database is locked/.test(said);
  if (!why && !isLocked) return undefined;
  const database = join(home, HOME.database);
  if (isLocked)
    return new CommandFailure(1, `another program has ${database} open`, `end it; \`fuser ${database}\` names it`);
  return new CommandFailure(
    1,
    `Temporal's database ${database} is damaged (${why})`,
    'put back a copy of it, or let `muster up --fresh-database` set it aside: fleets under way are lost then, ' +
      'results stay in the artifact store and are reused',
  );
}

function files(home: string): string[] {
  return ['', '-journal', '-wal', '-shm'].map((suffix) => join(home, HOME.database + suffix));
}
