/**
 * When work is done if it goes, in order, to whoever of `slots` is free first: same unit in and out. `head` is time that
 * keeps all of them equally busy before. Logarithmic in the slots for each piece.
 */
export function wallClock(lengths: readonly number[], slots: number, head = 0): number {
  const heap = new Float64Array(Math.max(1, Math.min(slots, lengths.length))).fill(head);
  let end = head;
  for (const length of lengths) {
    const free = heap[0]! + length;
    if (free > end) end = free;
    sink(heap, free);
  }
  return end;
}

/** Replaces the least of a heap. */
function sink(heap: Float64Array, value: number): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= value) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = value;
}
