import { FAILURES } from '../../workflows/contract/failures.ts';
import { MAX_REPAIRS } from '../../workflows/contract/limits.ts';
import type { Task, Verification as Check, Verified } from '../../workflows/contract/task.schema.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Redact } from '../observe/redaction.ts';
import type { CommandOutcome } from '../sandbox/sandbox.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Clock } from './clock.ts';
import { Ended, Parked, timedOut, type Ending } from './ending.ts';
import type { WorkPlace } from './work-place.ts';

/** Of what a check printed, the end is what tells most. */
const TAIL_CHARS = 4_000;

export interface VerificationOf {
  task: Task;
  checkpoint: Checkpoint;
  place: WorkPlace;
  clock: Clock;
}

interface VerificationParts {
  store: ArtifactStore;
  redact: Redact;
  plainText: (output: string) => string;
  metrics: Metrics;
}

/**
 * The commands that must pass before a subagent is completed, run by the worker in the subagent's sandbox, apart from its
 * shell and never outside. What they write is no change of the subagent's.
 */
export class Verification {
  private readonly parts: VerificationParts;
  private readonly of: VerificationOf;

  constructor(parts: VerificationParts, of: VerificationOf) {
    this.parts = parts;
    this.of = of;
  }

  get isAsked(): boolean {
    return (this.of.task.verify ?? []).length > 0;
  }

  /**
   * Runs every check, each in its own time. Resolves with what the model is to be told; undefined: all passed. May use the
   * time that is kept for a report, because the report is there. Throws `Parked`, or `Ended` when its time is up, the
   * sandbox does not start, or a check fails and no round of repair is left. A crash in it is no harm: it runs again.
   */
  async run(): Promise<string | undefined> {
    const { task, checkpoint, clock } = this.of;
    if (checkpoint.record.isVerifying !== true) await this.begin();
    clock.useReserve();
    const verified: Verified[] = [];
    for (const check of task.verify ?? []) {
      verified.push(await this.check(check));
      checkpoint.note({ verify: verified });
    }
    const failures = verified.filter(({ ok }) => !ok);
    if (failures.length === 0) return undefined;
    clock.keepReserve();
    if (!this.mayRepair()) throw new Ended(failing(verified));
    await this.of.place.forgetNewFiles(clock.toolSignal);
    checkpoint.note({ isVerifying: false, repairs: (checkpoint.record.repairs ?? 0) + 1 });
    return `${reportOf(failures)}\nThese checks failed after you ended your turn. Mend what is wrong, not the checks, then end your turn again.`;
  }

  /** From here on what the subagent leaves is settled, whatever the checks write. */
  private async begin(): Promise<void> {
    const { checkpoint, place, clock } = this.of;
    const patch = await place.save();
    await checkpoint.save({ isVerifying: true, patch, activeMs: clock.elapsedMs, pendingMicroUsd: 0 });
  }

  private mayRepair(): boolean {
    const { task, checkpoint, clock } = this.of;
    const { repairs = 0, turns } = checkpoint.record;
    return repairs < MAX_REPAIRS && turns < (task.maxTurns ?? Infinity) && !clock.isOver;
  }

  private async check(check: Check): Promise<Verified> {
    const outcome = await this.outcome(check);
    const output = this.parts.redact(this.parts.plainText(outcome.output));
    const ok = outcome.exitCode === 0;
    if (!ok) this.parts.metrics.verifyFailed();
    const log = ok ? undefined : await this.parts.store.put(Buffer.from(output));
    return {
      name: check.name,
      ok,
      exit_code: outcome.exitCode,
      duration_ms: Math.round(outcome.durationMs),
      tail: `${output.slice(-TAIL_CHARS)}${outcome.endedBy ? `\n(${WHY_ENDED[outcome.endedBy]})` : ''}`,
      ...(log !== undefined && { log }),
    };
  }

  private async outcome({ name, run, timeoutMs }: Check): Promise<CommandOutcome> {
    const { place, clock, checkpoint, task } = this.of;
    const signal = clock.toolSignal;
    try {
      return await clock.during(() => place.sandbox.runApart(run, { timeoutMs, signal }));
    } catch (error) {
      if (signal.aborted) {
        await checkpoint.save({ activeMs: clock.elapsedMs });
        throw signal.reason === 'timeout' ? timedOut(task.timeoutMs) : new Parked({ for: 'drain' });
      }
      if (!(error instanceof Error) || error.name !== 'SandboxUnavailable') throw error;
      const message = `${name} could not be run: ${error.message}`;
      throw new Ended({ status: 'failed', error: { type: FAILURES.verifyFailed, message } });
    }
  }
}

const WHY_ENDED: Readonly<Record<NonNullable<CommandOutcome['endedBy']>, string>> = {
  timeout: 'ended: it took longer than its timeout',
  output: 'ended: it printed too much',
  memory: 'ended: it used too much memory',
  disk: 'ended: it wrote too much',
  death: 'ended: its sandbox died',
};

function failing(verified: readonly Verified[]): Ending {
  const failures = verified.filter(({ ok }) => !ok);
  const names = failures.map(
    ({ name, exit_code }) => `${name} (${exit_code === null ? 'ended' : `exit code ${exit_code.toString()}`})`,
  );
  const message = `${failures.length.toString()} of ${verified.length.toString()} checks failed: ${names.join(', ')}`;
  const lesson = `${message}\n${reportOf(failures)}`;
  return { status: 'failed', error: { type: FAILURES.verifyFailed, message }, lesson };
}

function reportOf(failures: readonly Verified[]): string {
  return failures
    .map(({ name, exit_code, tail }) => {
      const code = exit_code === null ? '' : ` exit_code="${exit_code.toString()}"`;
      return `<check name=${JSON.stringify(name)}${code}>\n${tail ?? ''}\n</check>`;
    })
    .join('\n');
}
