import type { ToolResult } from '../transcript.ts';

/** One spawned subagent, as its parent was told of it. */
export interface Spawned {
  label: string;
  status: string;
  /** Its output on one line, cut; empty: it has none. */
  said: string;
}

/** An answer of spawn_subagents or collect_subagents. */
export interface SpawnAnswer {
  /** Of those the call was about, how many have ended how, and how many are `running`. */
  census: Readonly<Record<string, number>>;
  /** All of them, or some where they are too many to list. */
  results: Spawned[];
}

const SAID_CHARS = 200;

/** The calls and answers of a parent that are about its subagents, oldest first. */
export function spawnTalk(results: readonly ToolResult[]): ToolResult[] {
  return results.filter(({ name }) => ['spawn_subagents', 'collect_subagents', 'read_result'].includes(name));
}

/** What an answer says; of one that is no JSON: nothing. */
export function readSpawnAnswer({ text }: ToolResult): SpawnAnswer {
  const { census, results } = record(parse(text));
  const counts = Object.entries(record(census)).filter((entry): entry is [string, number] => Number(entry[1]) > 0);
  return {
    census: Object.fromEntries(counts),
    results: (Array.isArray(results) ? results : []).map((result: unknown) => spawned(record(result))),
  };
}

/** How all it spawned ended, and each as it was told of last, in the order they were named first. */
export function spawnedOf(talk: readonly ToolResult[]): SpawnAnswer {
  const answers = talk.filter(({ name, isError }) => name !== 'read_result' && !isError).map(readSpawnAnswer);
  const census: Record<string, number> = {};
  for (const answer of answers) {
    // Who was running before is counted in each later answer: there it has ended, or runs still.
    delete census['running'];
    for (const [status, count] of Object.entries(answer.census)) census[status] = (census[status] ?? 0) + count;
  }
  const results = answers.flatMap((answer) => answer.results);
  return { census, results: [...new Map(results.map((one) => [one.label, one])).values()] };
}

function spawned({ label, status, output, line, structured_output, error }: Record<string, unknown>): Spawned {
  const said = structured_output ?? output ?? line ?? record(error)['message'] ?? '';
  const text = (typeof said === 'string' ? said : JSON.stringify(said)).replace(/\s+/g, ' ');
  return {
    label: String(label),
    status: String(status),
    said: text.replace(/^\[simulated\] /, '').slice(0, SAID_CHARS),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  } catch {
    return undefined;
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
