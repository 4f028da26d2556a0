import { findCycle } from './graph.ts';
import { nearest } from './key-names.ts';

/** A task of a list, and the labels of those it waits for. */
export interface Labelled {
  label: string;
  dependsOn: readonly string[];
}

export interface Dependencies {
  /** Prerequisites by position; unknown ones left out. */
  graph: number[][];
  edges: number;
  /** Tasks whose label an earlier one has. */
  twins: { task: number; first: number }[];
  /** `at`: position in `dependsOn`; `near`: the label it may have meant. */
  unknown: { task: number; at: number; label: string; near: string | undefined }[];
  /** `a → b → a`, where tasks wait for each other. */
  cycle: { task: number; names: string } | undefined;
}

/** Names in a cycle; a longer one is cut in the middle. */
const MAX_CYCLE_NAMES = 12;
/** Unknown labels that get a suggestion: each compares with every label. */
const MAX_SUGGESTIONS = 20;

/** Labels turned into positions, with everything that is wrong with them. */
export function readDependencies(tasks: readonly Labelled[]): Dependencies {
  const byLabel = new Map<string, number>();
  const twins: Dependencies['twins'] = [];
  tasks.forEach(({ label }, task) => {
    const first = byLabel.get(label);
    if (first === undefined) byLabel.set(label, task);
    else twins.push({ task, first });
  });
  const labels = [...byLabel.keys()];
  const unknown: Dependencies['unknown'] = [];
  const graph = tasks.map(({ dependsOn }, task) => {
    const indexes = new Set<number>();
    dependsOn.forEach((label, at) => {
      const index = byLabel.get(label);
      if (index !== undefined) indexes.add(index);
      else
        unknown.push({ task, at, label, near: unknown.length < MAX_SUGGESTIONS ? nearest(label, labels) : undefined });
    });
    return [...indexes];
  });
  const edges = graph.reduce((sum, { length }) => sum + length, 0);
  return { graph, edges, twins, unknown, cycle: cycleIn(tasks, graph) };
}

function cycleIn(tasks: readonly Labelled[], graph: readonly number[][]): Dependencies['cycle'] {
  const cycle = findCycle(graph);
  if (!cycle) return undefined;
  const names = [...cycle, cycle[0]!].map((i) => tasks[i]!.label);
  const shown = names.length > MAX_CYCLE_NAMES ? [...names.slice(0, MAX_CYCLE_NAMES - 2), '…', names.at(-1)!] : names;
  return { task: cycle[0]!, names: shown.join(' → ') };
}
