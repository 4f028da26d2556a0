/**
 * The first cycle of a graph given as prerequisites by index, in the order a → b → … (the last one leads back to the
 * first); null when the graph can be run. An edge to itself is a cycle of one. Linear, not recursive: 100,000 in a
 * chain are fine. Indexes out of range are ignored.
 */
export function findCycle(prerequisites: readonly (readonly number[])[]): number[] | null {
  const UNSEEN = 0;
  const OPEN = 1;
  const DONE = 2;
  const state = new Uint8Array(prerequisites.length);
  for (let start = 0; start < prerequisites.length; start++) {
    if (state[start] !== UNSEEN) continue;
    const path: number[] = [start];
    const nextEdge: number[] = [0];
    state[start] = OPEN;
    while (path.length > 0) {
      const node = path.at(-1)!;
      const edge = nextEdge[nextEdge.length - 1]!++;
      const to = prerequisites[node]![edge];
      if (to === undefined) {
        state[node] = DONE;
        path.pop();
        nextEdge.pop();
      } else if (state[to] === OPEN) {
        return path.slice(path.indexOf(to));
      } else if (state[to] === UNSEEN) {
        state[to] = OPEN;
        path.push(to);
        nextEdge.push(0);
      }
    }
  }
  return null;
}
