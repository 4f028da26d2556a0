import { z } from 'zod';
import { Task, type Manifest } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import { ArtifactDamaged, type ArtifactStore } from './store.ts';

/** A page is read whole for one task of it: small enough for that, big enough that 100,000 tasks are 200 pages. */
const PAGE_BYTES = 1_048_576;
const PAGE_TASKS = 500;

export type ManifestPage = Manifest['pages'][number];

/** Stores tasks in pages, each a JSON list; a task larger than a page has one of its own. */
export async function savePages(
  store: ArtifactStore,
  tasks: AsyncIterable<Task> | Iterable<Task>,
): Promise<ManifestPage[]> {
  const pages: ManifestPage[] = [];
  let texts: string[] = [];
  let sizeBytes = 0;
  const flush = async (): Promise<void> => {
    if (texts.length === 0) return;
    const from = pages.reduce((sum, page) => sum + page.count, 0);
    pages.push({ ref: await store.put(Buffer.from(`[${texts.join(',\n')}]`)), from, count: texts.length });
    texts = [];
    sizeBytes = 0;
  };
  for await (const task of tasks) {
    const text = JSON.stringify(parsed(Task, task, 'a new task'));
    const textBytes = Buffer.byteLength(text);
    if (texts.length === PAGE_TASKS || sizeBytes + textBytes > PAGE_BYTES) await flush();
    texts.push(text);
    sizeBytes += textBytes;
  }
  await flush();
  return pages;
}

/** The tasks of one page; throws `ArtifactDamaged` when they are not as many as the manifest says. */
export async function loadPage(store: ArtifactStore, page: ManifestPage): Promise<Task[]> {
  const tasks = await loadTasks(store, page.ref);
  if (tasks.length !== page.count) throw new ArtifactDamaged(`${page.ref} holds ${tasks.length.toString()} tasks`);
  return tasks;
}

/** As `loadPage`, of a page nobody has counted. */
export async function loadTasks(store: ArtifactStore, ref: ArtifactRef): Promise<Task[]> {
  const json = parsedJson(Buffer.from(await store.get(ref)).toString(), ref);
  return parsed(z.array(Task), json, ref);
}

export function parsedJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ArtifactDamaged(`${name} is not JSON`, { cause });
  }
}

/** The value, checked; `name` says in the error what did not fit. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ArtifactDamaged(`${name} does not fit its schema: ${z.prettifyError(result.error)}`);
}
