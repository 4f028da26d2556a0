import { closest, distance } from 'fastest-levenshtein';
import { FleetFailure } from './failure.ts';

/** What was asked for, and the known name most like it when a slip of the finger explains it. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const best = closest(name, known);
  return distance(name, best) <= Math.max(2, Math.floor(name.length / 3)) ? best : undefined;
}

/**
 * Indexes of labels, in the order asked, each once. `tasks` in the order of their indexes; no more of them are read than
 * it takes. Throws `unknown_label` that names every unknown label and, where one comes near, the known one.
 */
export async function resolveLabels(
  fleetId: string,
  asked: readonly string[],
  tasks: AsyncIterable<{ label: string }>,
): Promise<number[]> {
  const found = new Map<string, number>();
  const missing = new Set(asked);
  const labels: string[] = [];
  for await (const { label } of tasks) {
    if (missing.delete(label)) found.set(label, labels.length);
    labels.push(label);
    if (missing.size === 0) break;
  }
  if (missing.size > 0) throw unknownLabels(fleetId, [...missing], labels);
  return [...new Set(asked.map((label) => found.get(label)!))];
}

function unknownLabels(fleetId: string, unknown: readonly string[], labels: readonly string[]): FleetFailure {
  const names = unknown.map((label) => {
    const near = nearestName(label, labels);
    return JSON.stringify(label) + (near === undefined ? '' : ` (did you mean ${JSON.stringify(near)}?)`);
  });
  return new FleetFailure(
    'unknown_label',
    `the fleet ${fleetId} has no subagent ${names.join(', ')}`,
    `muster results ${fleetId} --format csv lists all labels`,
  );
}
