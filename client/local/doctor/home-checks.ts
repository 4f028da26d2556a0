import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HOME } from '../../../workflows/contract/home.ts';
import type { Config } from '../../config.ts';
import { listDaemons } from '../down.ts';
import { VERSION } from '../entries.ts';
import { readHomeVersion } from '../home.ts';
import { failed, messageOf, ok, warning, type Check } from './check.ts';
import { nearestExisting } from './store-checks.ts';

/** What lies in the home and what runs on it; nothing is changed. */
export function homeChecks({ home }: Config): Check[] {
  const checks = [homeItself(home)];
  return checks[0]!.status === 'failed' ? checks : [...checks, database(home), daemons(home)];
}

function homeItself(home: string): Check {
  const hint = 'set MUSTER_HOME to a directory of yours';
  try {
    const found = readHomeVersion(home);
    if (!existsSync(home)) {
      accessSync(nearestExisting(home), constants.W_OK);
      return ok('home', `${home} will be made by the first run`);
    }
    accessSync(home, constants.W_OK | constants.X_OK);
    const what = found ? `of muster ${found.muster}, layout ${found.layout}` : 'without a version yet';
    return ok('home', `${home}, ${what}; this is muster ${VERSION}`);
  } catch (error) {
    return failed('home', messageOf(error), hint);
  }
}

function database(home: string): Check {
  const path = join(home, HOME.database);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return ok('database', 'none yet');
  if (existsSync(`${path}-unfinished`)) return ok('database', 'its making was interrupted: it is made anew');
  const bytes = Buffer.alloc(16);
  const file = openSync(path, 'r');
  readSync(file, bytes, 0, 16, 0);
  closeSync(file);
  // https://www.sqlite.org/fileformat.html §1.3
  if (bytes.toString('latin1') === 'SQLite format 3\0') return ok('database', `${(size / 1024 ** 2).toFixed(1)} MiB`);
  return failed('database', `${path} is no SQLite database`, 'put back a copy, or `muster up --fresh-database`');
}

function daemons(home: string): Check {
  const known = listDaemons(home);
  const living = known.filter(({ isAlive }) => isAlive);
  const others = living.filter(({ state }) => state.version !== VERSION);
  const detail = living
    .map(({ kind, state }) => `${kind} ${state.pid}${state.address ? ` on ${state.address}` : ''}`)
    .join(', ');
  if (others.length > 0) {
    const versions = [...new Set(others.map(({ state }) => state.version))].join(', ');
    return warning('daemons', `${detail}: some are of muster ${versions}`, 'nothing to do: the next run replaces them');
  }
  const dead = known.filter(({ isAlive, state }) => !isAlive && state.isReady);
  if (dead.length > 0) {
    const what = dead.map(({ kind, state }) => `${kind} ${state.pid}`).join(', ');
    const hint = `nothing to do: the next run or watch brings them back; their logs are in ${join(home, HOME.logs)}`;
    return warning('daemons', `ended without being told to: ${what}`, hint);
  }
  return ok('daemons', detail || 'none run');
}
