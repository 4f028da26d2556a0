import type { Denial, Grant } from '../../workflows/contract/task.schema.ts';
import type { ContentBlock, Message } from '../claude/claude.ts';
import type { ToolAnswer, ToolDispatcher } from '../tools/tool.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { ParentTurn } from './children/parent-turn.ts';
import type { Clock } from './clock.ts';
import { Parked } from './ending.ts';
import type { OutputShape } from './output-shape.ts';
import type { WorkPlace } from './work-place.ts';

export type ToolUse = Pick<Extract<ContentBlock, { type: 'tool_use' }>, 'id' | 'name' | 'input'>;
export type ToolResult = Extract<Exclude<Message['content'], string>[number], { type: 'tool_result' }>;

export interface TurnResults {
  /** In the order of the calls; those that wait for subagents have none yet. */
  results: ToolResult[];
  isWaiting: boolean;
  denials: Denial[];
  hasWritten: boolean;
}

export interface ToolTurnOf {
  grant: Grant;
  place: WorkPlace;
  checkpoint: Checkpoint;
  clock: Clock;
}

/** They see the workspace as the others leave it. */
const WAITING = ['spawn_subagents', 'collect_subagents'];

const BROKEN_OFF = 'Broken off before it ended: your time is up. What it had changed by then is kept.';
const NOT_RUN = 'Not run: your time is up.';
const NEW_SHELL =
  '(This ran in a new shell: files are as they were, but variables, the current directory and background processes of the shell before it are gone.)\n';

/** Runs the tools of answers. What it returns is written down by the loop, all of a turn at once. */
export class ToolTurn {
  private readonly tools: ToolDispatcher;
  private readonly shape: OutputShape;
  private readonly of: ToolTurnOf;
  private hasShell = false;

  constructor(tools: ToolDispatcher, shape: OutputShape, of: ToolTurnOf) {
    this.tools = tools;
    this.shape = shape;
    this.of = of;
  }

  /**
   * Every tool of an answer, in order, those that spawn or wait for subagents after the others. Time that is up breaks them
   * off, and their results say so. Throws `Parked` when the subagent is wanted back: then the answer, which is paid for, is
   * kept, and all its tools run again later, from the workspace of the turn before.
   */
  async run(uses: readonly ToolUse[], parent: ParentTurn): Promise<TurnResults> {
    const turn = { results: new Map<string, ToolResult>(), denials: [] as Denial[], hasWritten: false, isUp: false };
    const isLast = ({ name }: ToolUse): boolean => WAITING.includes(name);
    const inOrder = [...uses.filter((use) => !isLast(use)), ...uses.filter(isLast)];
    for (const use of inOrder) await this.one(use, parent, turn);
    if (turn.isUp) for (const id of parent.open.keys()) turn.results.set(id, resultOf({ id }, NOT_RUN, true));
    const { denials, hasWritten } = turn;
    return {
      results: uses.flatMap(({ id }) => turn.results.get(id) ?? []),
      isWaiting: turn.results.size < uses.length,
      denials,
      hasWritten,
    };
  }

  private async one(
    use: ToolUse,
    parent: ParentTurn,
    turn: Omit<TurnResults, 'results' | 'isWaiting'> & { results: Map<string, ToolResult>; isUp: boolean },
  ): Promise<void> {
    const answered = (content: string, isError: boolean): void =>
      void turn.results.set(use.id, resultOf(use, content, isError));
    if (turn.isUp) return answered(NOT_RUN, true);
    if (use.name === 'StructuredOutput') {
      const offered = this.shape.check(use.input);
      return answered(offered.ok ? 'Taken.' : offered.message, !offered.ok);
    }
    const answer = await this.tool(use, parent);
    turn.isUp = answer === undefined;
    turn.hasWritten ||= answer?.hasWritten ?? true;
    if (answer?.denial) turn.denials.push(answer.denial);
    if (answer?.isPending !== true) answered(answer?.content ?? BROKEN_OFF, answer?.isError ?? true);
  }

  /** undefined: its time was up. */
  private async tool(use: ToolUse, parent: ParentTurn): Promise<ToolAnswer | undefined> {
    const { place, grant, clock, checkpoint } = this.of;
    const signal = clock.toolSignal;
    try {
      const answer = await clock.during(() =>
        this.tools.run(use, { ...place.tools, grant, signal, children: parent.childrenFor(use.id) }),
      );
      return use.name === 'Bash' && !answer.denial ? this.fromShell(answer) : answer;
    } catch (error) {
      if (!signal.aborted) throw error;
      if (signal.reason === 'timeout') return undefined;
      await checkpoint.save({ activeMs: clock.elapsedMs });
      throw new Parked({ for: 'drain' });
    }
  }

  /** Says once that the shell is not the one the model remembers. */
  private fromShell(answer: ToolAnswer): ToolAnswer {
    const { checkpoint } = this.of;
    const isNews = !this.hasShell && checkpoint.record.hadShell === true;
    this.hasShell = true;
    if (checkpoint.record.hadShell !== true) checkpoint.note({ hadShell: true });
    return isNews ? { ...answer, content: `${NEW_SHELL}${answer.content}` } : answer;
  }
}

function resultOf(use: Pick<ToolUse, 'id'>, content: string, isError: boolean): ToolResult {
  return { type: 'tool_result', tool_use_id: use.id, content, ...(isError && { is_error: true }) };
}
