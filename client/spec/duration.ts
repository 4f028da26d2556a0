import { DURATION_HINT, parseDuration } from '../../workflows/policy/duration.ts';
import type { FaultList } from './fault-list.ts';
import type { Path } from './source-document.ts';

export { DURATION_HINT, parseDuration };

/** As `parseDuration`, of the value at `path`: what is none is a fault. */
export function readDuration(value: unknown, path: Path, faults: FaultList): number | undefined {
  const ms = value === undefined ? undefined : parseDuration(value);
  if (value !== undefined && ms === undefined)
    faults.add(path, `\`${String(path.at(-1))}\` is ${JSON.stringify(value)}`, `write ${DURATION_HINT}`);
  return ms;
}
