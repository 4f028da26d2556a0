import { closest, distance } from 'fastest-levenshtein';
import { FleetFailure } from './failure.ts';

/** What was asked for, and the known name most like it when a slip of the finger explains it. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const best = closest(name, known);
  return distance(name, best) <= Math.max(2, Math.floor(name.length / 3)) ? best : undefined;
}

/**
 * Manifest indexes of labels, in the order asked, each once. Throws `unknown_label` that names every unknown label and,
 * where one comes near, the known one.
 */
export function resolveLabels(fleetId: string, asked: readonly string[], labels: readonly string[]): number[] {
  const indexes = new Map(labels.map((label, index) => [label, index]));
  const unknown = asked.filter((label) => !indexes.has(label));
  if (unknown.length > 0) throw unknownLabels(fleetId, unknown, labels);
  return [...new Set(asked.map((label) => indexes.get(label)!))];
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
