import type { Denial, Grant } from '../../workflows/contract/task.schema.ts';
import type { ContentBlock, Message } from '../claude/claude.ts';
import type { ToolAnswer, ToolDispatcher } from '../tools/tool.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Clock } from './clock.ts';
import { Parked } from './ending.ts';
import type { OutputShape } from './output-shape.ts';
import type { WorkPlace } from './work-place.ts';

export type ToolUse = Pick<Extract<ContentBlock, { type: 'tool_use' }>, 'id' | 'name' | 'input'>;
export type ToolResult = Extract<Exclude<Message['content'], string>[number], { type: 'tool_result' }>;

export interface TurnResults {
  results: ToolResult[];
  denials: Denial[];
  hasWritten: boolean;
}

export interface ToolTurnOf {
  grant: Grant;
  place: WorkPlace;
  checkpoint: Checkpoint;
  clock: Clock;
}

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
   * Every tool of an answer, in order. Time that is up breaks them off, and their results say so. Throws `Parked` when the
   * subagent is wanted back: then the answer, which is paid for, is kept, and all its tools run again later, from the
   * workspace of the turn before.
   */
  async run(uses: readonly ToolUse[]): Promise<TurnResults> {
    const turn: TurnResults = { results: [], denials: [], hasWritten: false };
    let isUp = false;
    for (const use of uses) {
      if (isUp) {
        turn.results.push(resultOf(use, NOT_RUN, true));
        continue;
      }
      if (use.name === 'StructuredOutput') {
        const offered = this.shape.check(use.input);
        turn.results.push(resultOf(use, offered.ok ? 'Taken.' : offered.message, !offered.ok));
        continue;
      }
      const answer = await this.tool(use);
      isUp = answer === undefined;
      turn.hasWritten ||= answer?.hasWritten ?? true;
      if (answer?.denial) turn.denials.push(answer.denial);
      turn.results.push(resultOf(use, answer?.content ?? BROKEN_OFF, answer?.isError ?? true));
    }
    return turn;
  }

  /** undefined: its time was up. */
  private async tool(use: ToolUse): Promise<ToolAnswer | undefined> {
    const { place, grant, clock, checkpoint } = this.of;
    const signal = clock.toolSignal;
    try {
      const answer = await clock.during(() => this.tools.run(use, { ...place.tools, grant, signal }));
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

function resultOf(use: ToolUse, content: string, isError: boolean): ToolResult {
  return { type: 'tool_result', tool_use_id: use.id, content, ...(isError && { is_error: true }) };
}
