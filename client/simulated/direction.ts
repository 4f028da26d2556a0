import { fault, readCount, readDurationMs, readJson, readNumber, type Take } from './direction-values.ts';
import { readFaultSpec, type FaultSpec } from './fault.ts';
import type { Random } from './random.ts';
import { takeSpawn, type SpawnDirection } from './spawn-direction.ts';

/*
 * A prompt may direct simulated Claude: `[[simulate key=value key="quoted value"]]`, any number of times. In quotes, `\n`, `\"`,
 * `\'` and `\\` are escapes. A misspelt key or value is a 400 that says so.
 *
 *   turns=5                    model calls until the agent ends: looking around, then the steps below, then the end
 *   latency=200ms              of each call, from request to last byte; also 30ms-80ms (evenly spread), or with sigma=0.5
 *                              log-normal with that mean
 *   tokens=500                 output tokens of each call
 *   seed=7                     of this agent's chance, instead of its prompt's hash
 *   output="text"              what it says at the end
 *   structured='{"a":1}'       what it hands to StructuredOutput, instead of an instance of the schema
 *   edit=a.ts old="x" new="y"  a step: one Edit
 *   write=b.txt content="z"    a step: one Write
 *   call=Grep input='{…}'      a step: any tool
 *   spawn=4                    it spawns four subagents and awaits them; more keys in spawn-direction.ts
 *   window=20000               tokens of its model's context window
 *   fault=cut at=2 times=1     something goes wrong (kinds in fault.ts): at this turn, this often (1; 0 for always), after=N, every=N,
 *                              retry_after=3600, retry_after_ms=50, error_type=api_error, delay=50ms, model=claude-opus-5-5
 */

/** Milliseconds: evenly spread over [min, max], or log-normal with mean `min`. */
export interface Latency {
  min: number;
  max: number;
  sigma: number;
}

export interface ToolStep {
  name: string;
  input: unknown;
}

export interface Direction {
  turns?: number;
  latency?: Latency;
  tokens?: number;
  seed?: string;
  window?: number;
  output?: string;
  structured?: unknown;
  /** One after the other, and before the steps. */
  spawns: SpawnDirection[];
  steps: ToolStep[];
  faults: FaultSpec[];
}

const DIRECTIVE = /\[\[simulate\b((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\]"']|\](?!\]))*)\]\]/g;
const PAIR = /([a-z_]+)=(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^\s"']+))|(\S+)/g;
const NONE: Direction = { spawns: [], steps: [], faults: [] };

/** Takes the directives out of a prompt. Throws a 400 for one that cannot be understood. */
export function readDirection(prompt: string): { prompt: string; direction: Direction } {
  if (!prompt.includes('[[simulate')) return { prompt, direction: NONE };
  const direction: Direction = { spawns: [], steps: [], faults: [] };
  const rest = prompt.replace(DIRECTIVE, (_, pairs: string) => {
    follow(readPairs(pairs), direction);
    return '';
  });
  if (rest.includes('[[simulate')) throw fault('a directive is not closed by ]]');
  return { prompt: rest.trim(), direction };
}

/** One call's latency; the server's own is given the same way. */
export function drawLatencyMs({ min, max, sigma }: Latency, random: Random): number {
  return sigma > 0 ? random.logNormal(min, sigma) : min + random.next() * (max - min);
}

/** `200ms`, `1.5s`, `2m`, plain milliseconds, or a range `30ms-80ms`. */
export function readLatency(text: string, sigma = 0): Latency {
  const [min, max] = text.split('-').map(readDurationMs);
  if (min === undefined) throw fault(`latency ${text}: a duration is needed, as 200ms or 30ms-80ms`);
  return { min, max: max ?? min, sigma };
}

function readPairs(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const [whole, key, double, single, bare] of text.matchAll(PAIR)) {
    if (key === undefined) throw fault(`"${whole}" is not key=value`);
    pairs.set(key, bare ?? unescape(double ?? single ?? ''));
  }
  return pairs;
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}

/** Every reader takes the keys it knows; what is left over is misspelt. */
function follow(pairs: Map<string, string>, direction: Direction): void {
  const take: Take = (key) => {
    const value = pairs.get(key);
    pairs.delete(key);
    return value;
  };
  takeScalars(take, direction);
  const spawn = takeSpawn(take);
  if (spawn !== undefined) direction.spawns.push(spawn);
  direction.steps.push(...takeSteps(take));
  const taken = takeFault(take);
  if (taken !== undefined) direction.faults.push(taken);
  const [left] = pairs.keys();
  if (left !== undefined) throw fault(`unknown key ${left}, or it belongs to another key`);
}

function takeScalars(take: Take, direction: Direction): void {
  const turns = take('turns');
  if (turns !== undefined) direction.turns = Math.max(1, readCount('turns', turns));
  const latency = take('latency');
  if (latency !== undefined) direction.latency = readLatency(latency, readNumber('sigma', take('sigma') ?? '0'));
  const tokens = take('tokens');
  if (tokens !== undefined) direction.tokens = readCount('tokens', tokens);
  const seed = take('seed');
  if (seed !== undefined) direction.seed = seed;
  const window = take('window');
  if (window !== undefined) direction.window = readCount('window', window);
  const output = take('output');
  if (output !== undefined) direction.output = output;
  const structured = take('structured');
  if (structured !== undefined) direction.structured = readJson('structured', structured);
}

function takeSteps(take: Take): ToolStep[] {
  const steps: ToolStep[] = [];
  const edited = take('edit');
  if (edited !== undefined) {
    const input = { file_path: edited, old_string: take('old') ?? '', new_string: take('new') ?? '' };
    steps.push({ name: 'Edit', input });
  }
  const written = take('write');
  if (written !== undefined) {
    steps.push({ name: 'Write', input: { file_path: written, content: take('content') ?? '' } });
  }
  const called = take('call');
  if (called !== undefined) steps.push({ name: called, input: readJson('input', take('input') ?? '{}') });
  return steps;
}

function takeFault(take: Take): FaultSpec | undefined {
  const kind = take('fault');
  if (kind === undefined) return undefined;
  const json: Record<string, unknown> = { kind };
  const count = readCount('times', take('times') ?? '1');
  if (count > 0) json['count'] = count;
  for (const [key, name] of [
    ['turn', 'at'],
    ['after', 'after'],
    ['every', 'every'],
  ] as const) {
    const value = take(name);
    if (value !== undefined) json[key] = readCount(name, value);
  }
  for (const [key, name] of [
    ['retryAfter', 'retry_after'],
    ['errorType', 'error_type'],
    ['model', 'model'],
  ] as const) {
    const value = take(name);
    if (value !== undefined) json[key] = value;
  }
  for (const [key, name] of [
    ['retryAfterMs', 'retry_after_ms'],
    ['delayMs', 'delay'],
  ] as const) {
    const value = take(name);
    if (value !== undefined) json[key] = readDurationMs(value);
  }
  return readFaultSpec(json);
}
