import { MAX_GRAPH_EDGES } from '../../workflows/contract/limits.ts';
import { findCycle } from '../../workflows/policy/graph.ts';
import type { FaultList } from './fault-list.ts';
import { nearest } from './keys.ts';
import type { Path } from './source-document.ts';

export interface Labelled {
  label: string;
  /** Labels it waits for. */
  dependsOn: readonly string[];
  path: Path;
}

/** Names in a cycle's fault; a longer one is cut in the middle. */
const MAX_CYCLE_NAMES = 12;
/** Unknown labels that get a suggestion: each compares with every label. */
const MAX_SUGGESTIONS = 20;

/** Prerequisites by index. Repeated labels, unknown ones, cycles and too many edges are faults. */
export function resolveDependencies(tasks: readonly Labelled[], faults: FaultList): number[][] {
  const byLabel = new Map<string, number>();
  tasks.forEach(({ label, path }, i) => {
    const first = byLabel.get(label);
    if (first === undefined) byLabel.set(label, i);
    else {
      const at = faults.lineOf(tasks[first]!.path);
      faults.add(
        [...path, 'label'],
        `the label ${JSON.stringify(label)} is already taken in line ${at}`,
        'write another label',
      );
    }
  });
  const labels = [...byLabel.keys()];
  let edges = 0;
  let suggestions = 0;
  const graph = tasks.map(({ dependsOn, path }) => {
    const indexes = new Set<number>();
    dependsOn.forEach((label, i) => {
      const index = byLabel.get(label);
      if (index !== undefined) indexes.add(index);
      else {
        const near = suggestions++ < MAX_SUGGESTIONS ? nearest(label, labels) : undefined;
        const hint = near === undefined ? 'write the label of a task of this file' : `write ${JSON.stringify(near)}`;
        faults.add([...path, 'dependsOn', i], `\`dependsOn\` names the unknown task ${JSON.stringify(label)}`, hint);
      }
    });
    edges += indexes.size;
    return [...indexes];
  });
  if (edges > MAX_GRAPH_EDGES) {
    const hint = 'let tasks wait for a task that gathers the others';
    faults.add(['tasks'], `${edges} dependencies are more than ${MAX_GRAPH_EDGES}`, hint);
  }
  const cycle = findCycle(graph);
  if (cycle) {
    const names = [...cycle, cycle[0]!].map((i) => tasks[i]!.label);
    const shown = names.length > MAX_CYCLE_NAMES ? [...names.slice(0, MAX_CYCLE_NAMES - 2), '…', names.at(-1)!] : names;
    const path = tasks[cycle[0]!]!.path;
    faults.add(
      [...path, 'dependsOn'],
      `tasks wait for each other: ${shown.join(' → ')}`,
      'remove one of these dependencies',
    );
  }
  return graph;
}
