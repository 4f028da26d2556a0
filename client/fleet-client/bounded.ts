const CONCURRENCY = 16;

/** Runs `work` on each item, 16 at a time by default, and resolves with the results in order. The first failure ends it. */
export async function mapOf<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  limit = CONCURRENCY,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  const run = async (): Promise<void> => {
    for (const [i, item] of queue) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, run));
  return results;
}

export async function forEachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  await mapOf(items, work);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
