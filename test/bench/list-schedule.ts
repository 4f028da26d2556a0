/**
 * Wall clock of the same work on `slots` machines, each taking the next piece as soon as it is free: what no scheduler
 * without knowledge of the lengths can beat by more than the last piece. Same unit in and out.
 */
export function listScheduleWall(lengths: readonly number[], slots: number): number {
  const freeAt = new Float64Array(Math.min(slots, Math.max(1, lengths.length)));
  for (const length of lengths) {
    let earliest = 0;
    for (let i = 1; i < freeAt.length; i++) if (freeAt[i]! < freeAt[earliest]!) earliest = i;
    freeAt[earliest] = freeAt[earliest]! + length;
  }
  return Math.max(...freeAt);
}
