import { endingWith, isAskedToHandOver, writing } from '../generic-agent.ts';
import { filesFound, lookAround, reportOf } from '../look-around.ts';
import type { AgentScript, ReplyBlock, SimulatedRequest, Turn } from '../script.ts';
import { slipped, tasksOf, type Slip, type Wanted } from '../spawn-direction.ts';
import { offersTool, toolResults, type ToolResult } from '../transcript.ts';
import { partsOf } from './parts-of-work.ts';
import { readSpawnAnswer, spawnedOf, spawnTalk } from './spawn-answers.ts';

/**
 * A Claude that spawns subagents: because its prompt directs it, or because it was told that it may. The latter looks around,
 * gives each of a handful its part, waits, and sums up what they say. Who is refused works alone. Its children are told
 * nothing of spawning, so they end. Every turn is worked out again from the transcript.
 */
export const spawningParent: AgentScript = {
  name: 'spawning parent',
  matches: (request) => !isAskedToHandOver(request) && (request.direction.spawns.length > 0 || isFree(request)),
  reply: (turn) => {
    const { tokens } = turn.request.direction;
    return { blocks: next(turn), ...(tokens === undefined ? {} : { usage: { output_tokens: tokens } }) };
  },
};

/** One spawn and how what it spawned is awaited. */
interface Stage {
  tasks: Record<string, unknown>[];
  wait: Wanted;
  collect: Wanted | 'none';
  slip?: Slip;
  read?: number;
}

const LOOKING_TURNS = 2;
const MOST_LINES = 20;

/** It may spawn, and nothing says what else it is to do. */
function isFree({ maySpawn, direction, body }: SimulatedRequest): boolean {
  return (
    maySpawn && direction.turns === undefined && direction.steps.length === 0 && offersTool(body, 'spawn_subagents')
  );
}

function next(turn: Turn): ReplyBlock[] {
  const { direction, body } = turn.request;
  const results = toolResults(body);
  const stages = direction.spawns.length > 0 ? direction.spawns.map(directed) : undefined;
  if (stages === undefined && spawnTalk(results).length === 0 && turn.number <= LOOKING_TURNS) {
    const looking = lookAround(turn);
    if (looking) return looking;
  }
  const due = nextOf(stages ?? [free(turn.request, results)], spawnTalk(results));
  if (due) return due;
  const steps = direction.steps.slice(results.length - spawnTalk(results).length);
  if (steps.length > 0) return steps.map(({ name, input }) => call(name, input));
  return writing(turn, () => summary(results)) ?? endingWith(turn, () => summary(results));
}

const directed = (spawn: SimulatedRequest['direction']['spawns'][number]): Stage => ({
  ...spawn,
  tasks: tasksOf(spawn),
});

/** It awaits the first, to be seen at work while the rest goes on, and then the rest. */
function free({ prompt }: SimulatedRequest, results: readonly ToolResult[]): Stage {
  const tasks = partsOf(filesFound(results)).map(({ label, about, directory }) => ({
    label,
    prompt: `${prompt.replace(/^/gm, '> ')}\n\nYour part of it: ${about}. Report in a few sentences; others do the rest.`,
    permissions: 'read-only',
    ...(directory === undefined ? {} : { working_directory: directory }),
  }));
  return { tasks, wait: 'first', collect: 'all' };
}

/** The next call of the stages, given what has been asked and answered; undefined: they are done, or it was refused. */
function nextOf(stages: readonly Stage[], talk: readonly ToolResult[]): ReplyBlock[] | undefined {
  const left = [...talk];
  for (const stage of stages) {
    const { tasks, wait, slip } = stage;
    let answer = left.shift();
    if (!answer) return [call('spawn_subagents', { tasks: slip ? slipped(tasks, slip) : tasks, wait })];
    if (answer.isError && slip) {
      answer = left.shift();
      if (!answer) return [call('spawn_subagents', { tasks, wait })];
    }
    if (answer.isError) return undefined;
    const due = awaiting(stage, answer, left);
    if (due) return [due];
  }
  return undefined;
}

/** Takes the answers of a stage's collects and reads off the talk; the call that is due, if any. */
function awaiting({ tasks, collect, read }: Stage, spawned: ToolResult, left: ToolResult[]): ReplyBlock | undefined {
  let answer = spawned;
  while (collect !== 'none' && !answer.isError && readSpawnAnswer(answer).census['running']) {
    const collected = left.shift();
    if (!collected) return call('collect_subagents', { wait: collect });
    answer = collected;
  }
  let offset: number | undefined = 0;
  while (read !== undefined && offset !== undefined) {
    const page = left.shift();
    if (!page) return call('read_result', { label: tasks[0]?.['label'], offset, limit: read });
    offset = page.isError ? undefined : nextOffset(page);
  }
  return undefined;
}

/** A page ends with where the next one begins, if there is one. */
function nextOffset({ text }: ToolResult): number | undefined {
  const [, next] = /\(Characters [^()]* go on with offset (\d+)\.\)$/.exec(text) ?? [];
  return next === undefined ? undefined : Number(next);
}

function summary(results: readonly ToolResult[]): string {
  const talk = spawnTalk(results);
  const refused = talk.find(({ name, isError }) => name === 'spawn_subagents' && isError);
  const { census, results: spawned } = spawnedOf(talk);
  const count = Object.values(census).reduce((sum, one) => sum + one, 0);
  if (count === 0 && refused) {
    const why = refused.text.split('\n', 1)[0]!.slice(0, 200);
    return `I may spawn no subagents (${why}), so I worked alone. ${reportOf(results)}`;
  }
  const ends = Object.entries(census).map(([status, ended]) => `${ended} ${status}`);
  const lines = spawned.slice(0, MOST_LINES).map(({ label, status, said }) => `- ${label} (${status}): ${said}`);
  const more = count > lines.length ? [`- and ${count - lines.length} more`] : [];
  return [`I spawned ${count} subagent${count === 1 ? '' : 's'}: ${ends.join(', ')}.`, ...lines, ...more].join('\n');
}

const call = (name: string, input: unknown): ReplyBlock => ({ type: 'tool_use', name, input });
