import { MAX_GRAPH_EDGES } from '../../workflows/contract/limits.ts';
import { readDependencies, type Labelled as LabelledTask } from '../../workflows/policy/dependencies.ts';
import type { FaultList } from './fault-list.ts';
import type { Path } from './source-document.ts';

export interface Labelled extends LabelledTask {
  path: Path;
}

/** Prerequisites by index. Repeated labels, unknown ones, cycles and too many edges are faults. */
export function resolveDependencies(tasks: readonly Labelled[], faults: FaultList): number[][] {
  const { graph, edges, twins, unknown, cycle } = readDependencies(tasks);
  for (const { task, first } of twins) {
    const { label, path } = tasks[task]!;
    const place = faults.placeOf(tasks[first]!.path);
    faults.add(
      [...path, 'label'],
      `the label ${JSON.stringify(label)} is already taken in ${place}`,
      'write another label',
    );
  }
  for (const { task, at, label, near } of unknown) {
    const hint = near === undefined ? 'write the label of a task of this file' : `write ${JSON.stringify(near)}`;
    const message = `\`dependsOn\` names the unknown task ${JSON.stringify(label)}`;
    faults.add([...tasks[task]!.path, 'dependsOn', at], message, hint);
  }
  if (edges > MAX_GRAPH_EDGES) {
    const hint = 'let tasks wait for a task that gathers the others';
    faults.add(['tasks'], `${edges} dependencies are more than ${MAX_GRAPH_EDGES}`, hint);
  }
  if (cycle)
    faults.add(
      [...tasks[cycle.task]!.path, 'dependsOn'],
      `tasks wait for each other: ${cycle.names}`,
      'remove one of these dependencies',
    );
  return graph;
}
