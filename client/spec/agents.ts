import { readFile, realpath, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseDocument } from 'yaml';
import { MAX_PROMPT_BYTES } from '../../workflows/contract/limits.ts';
import { isRecord, nearest } from './keys.ts';
import { isInside, upwards, type Place } from './places.ts';

/** A definition of `.claude/agents/`, as Claude Code reads it. */
export interface AgentDefinition {
  name: string;
  /** Absolute, for messages. */
  file: string;
  prompt: string;
  /** What it is confined to; undefined: it does not say. */
  tools: string[] | undefined;
  model: string | undefined;
  /** What of it has no effect here. */
  warnings: string[];
}

export type FoundAgent = { agent: AgentDefinition } | { message: string; hint: string };

export const AGENT_NAME = /^[A-Za-z0-9][\w-]{0,63}$/;
/** More than anyone keeps; a directory of something else is no reason to read it all. */
const MAX_AGENTS = 200;
const DIRECTORY = join('.claude', 'agents');
const HEAD = /^\uFEFF?---[ \t]*\r?\n(?:([\s\S]*?)\r?\n)?---[ \t]*(?:\r?\n|$)/;
const READ_KEYS = ['name', 'description', 'tools', 'model'];
/** Of the original, without effect here. */
const LOOKS_ONLY = ['color'];

/** Finds agent definitions on disk, each once. Reads only when a task asks for one. */
export class Agents {
  readonly #found = new Map<string, Promise<FoundAgent>>();

  /** The definition nearest upwards from the first place, inside its repository, then from the next place likewise. */
  find(name: string, places: readonly Place[]): Promise<FoundAgent> {
    const key = [name, ...places.map(({ directory }) => directory)].join('\0');
    let found = this.#found.get(key);
    if (!found) this.#found.set(key, (found = find(name, places)));
    return found;
  }

  /** Every definition that `find` would come upon from there, by name: the nearest of each. */
  async all(place: Place): Promise<{ name: string; found: FoundAgent }[]> {
    const names = new Set<string>();
    for (const here of await upwards(place))
      for (const file of await readdir(join(here, DIRECTORY)).catch(() => []))
        if (AGENT_NAME.test(basename(file, '.md')) && file.endsWith('.md')) names.add(basename(file, '.md'));
    const listed = [...names].sort().slice(0, MAX_AGENTS);
    return Promise.all(listed.map(async (name) => ({ name, found: await this.find(name, [place]) })));
  }
}

async function find(name: string, places: readonly Place[]): Promise<FoundAgent> {
  const others = new Set<string>();
  for (const place of places) {
    for (const here of await upwards(place)) {
      const file = join(here, DIRECTORY, `${name}.md`);
      const info = await stat(file).catch(() => undefined);
      if (info) return read(name, file, place.root, info);
      for (const other of await readdir(join(here, DIRECTORY)).catch(() => []))
        if (other.endsWith('.md')) others.add(basename(other, '.md'));
    }
  }
  const message = `there is no agent ${JSON.stringify(name)}`;
  const names = [...others].sort();
  const near = nearest(name, names);
  if (near !== undefined) return { message, hint: `write ${near}` };
  const listed = names.length > 0 ? `there are ${names.join(', ')}` : `write its definition to ${DIRECTORY}/${name}.md`;
  return { message, hint: listed };
}

async function read(
  name: string,
  file: string,
  root: string,
  info: { isFile(): boolean; size: number },
): Promise<FoundAgent> {
  const wrong = (what: string, hint: string): FoundAgent => ({ message: `the agent ${file} ${what}`, hint });
  // A link in somebody's repository must not send a file of this machine to a model.
  if (!isInside(await realpath(file), await realpath(root)))
    return wrong('lies outside of its repository', 'put the file itself there');
  if (!info.isFile() || info.size > MAX_PROMPT_BYTES)
    return wrong('is no file of up to 1 MiB', 'write a Markdown file with front matter');
  const text = await readFile(file, 'utf8');
  const [whole, head] = HEAD.exec(text) ?? [];
  const front = whole === undefined ? undefined : parseDocument(head ?? '');
  if (!front) return wrong('has no front matter', 'begin it with ---, name: and description:, and ---');
  const [error] = front.errors;
  if (error) return wrong(`has front matter that is no YAML: ${error.message.split('\n')[0]}`, 'mend it');
  const fields: unknown = front.toJS() ?? {};
  const prompt = text.slice(whole!.length).trim();
  if (!isRecord(fields)) return wrong('has front matter without keys', 'write name: and description:');
  if (prompt === '') return wrong('has no prompt', 'write it below the front matter');
  return (
    definition(name, file, fields, prompt) ?? wrong('has `tools` or `model` of another form', 'write a text or a list')
  );
}

function definition(
  name: string,
  file: string,
  fields: Record<string, unknown>,
  prompt: string,
): FoundAgent | undefined {
  const { name: ownName = name, tools: given, model } = fields;
  const list: unknown = typeof given === 'string' ? splitTools(given) : given;
  const isList = Array.isArray(list) && list.every((tool) => typeof tool === 'string');
  if (list !== undefined && list !== null && !isList) return undefined;
  if (model !== undefined && model !== null && typeof model !== 'string') return undefined;
  const ignored = Object.keys(fields).filter((key) => ![...READ_KEYS, ...LOOKS_ONLY].includes(key));
  const warnings = ignored.map((key) => `the agent ${name} has \`${key}\`, which is not supported: it has no effect`);
  if (ownName !== name) warnings.push(`the agent in ${name}.md calls itself ${JSON.stringify(ownName)}`);
  const tools = isList ? list.map((tool) => tool.trim()).filter(Boolean) : undefined;
  return { agent: { name, file, prompt, tools, model: model ?? undefined, warnings } };
}

/** At commas outside of brackets: `Read, Bash(git add:*, git commit:*)`. */
function splitTools(text: string): string[] {
  return text.match(/[^,(]+(?:\([^)]*\)[^,(]*)*/g) ?? [];
}
