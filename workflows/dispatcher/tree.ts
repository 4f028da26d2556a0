import { DEFAULT_MAX_TOTAL_AGENTS, REPORT_EACH_CHILD } from '../contract/limits.ts';
import type { FleetCarry, FleetInput, FleetStatus } from '../contract/messages.ts';
import { UNIT_LETTERS as L, type SubagentStatus } from '../contract/statuses.ts';
import type { Admission, Approval, Parents, ScriptEnd, ScriptOutcome, Spawner } from '../contract/units.ts';
import { Family, type Ask } from './family.ts';
import { ScriptTurns } from './script-turns.ts';
import { Units } from './units.ts';
import { Waves } from './waves.ts';

/** The subagents of a fleet and its parents: a plan with its waves, a script, Claudes that spawn. Told of every end. */
export class Tree {
  readonly units: Units;
  readonly family: Family;
  readonly script: ScriptTurns | undefined;
  readonly waves: Waves | undefined;
  private readonly input: FleetInput;
  private spawnedTimeoutMs: number;

  /** `waveText` as `loadWaves` gives it; only read with a rollout. */
  constructor(input: FleetInput, prerequisites: readonly (readonly number[])[] | null, waveText: string) {
    const { carry, rollout, count } = input;
    const parents = carry?.parents;
    this.input = input;
    this.spawnedTimeoutMs = parents?.maxTimeoutMs ?? 0;
    this.family = new Family(count, parents, (parent) => this.units.resume(parent));
    if (rollout) this.waves = new Waves(rollout, waveText, { letters: carry?.units, parents, gate: carry?.gate });
    this.units = new Units([{ count, depth: 0, prerequisites }, ...this.family.groups], {
      letters: carry?.units,
      generations: carry?.generations,
      held: (carry?.parked ?? []).flatMap(([index, reason]) => (reason.for === 'spawn' ? [index] : [])),
      isClosed: (index) => this.waves?.isClosed(index) ?? false,
      onEnd: (index, status) => this.ended(index, status),
      onReopen: (index, status) => this.reopened(index, status),
    });
    const hasEnded = (index: number): boolean => this.units.isEnded(index);
    if (input.hasScript) this.script = new ScriptTurns(input.generation, parents?.script, hasEnded);
    if (carry) this.restore(carry);
  }

  get spawned(): number {
    return this.units.count - this.input.count;
  }
  /** There is more than a plan. */
  get hasGrown(): boolean {
    return this.spawned > 0 || this.script !== undefined || this.waves !== undefined;
  }
  /** How many more may be spawned. */
  get room(): number {
    return Math.max(0, (this.input.limits.maxTotalAgents ?? DEFAULT_MAX_TOTAL_AGENTS) - this.spawned);
  }
  get maxTimeoutMs(): number {
    return Math.max(this.input.maxTimeoutMs, this.spawnedTimeoutMs);
  }
  /** What a person is asked. */
  get approvals(): Approval[] {
    const gate = this.waves?.approval;
    const asks = this.script?.approvals ?? [];
    return [...(gate ? [gate] : []), ...asks.map(({ kind, title, hash }) => ({ kind, title, hash }))];
  }
  /** What failed, by the words of `retry`: with a parent that runs again its children do not, for it spawns anew. */
  get failed(): number[] {
    const failed = [...this.units.inState(L.failed, L.timed_out, L.budget_reached, L.stopped, L.not_attempted)];
    const again = new Set<number>(failed);
    return failed.filter((index) => {
      const parent = this.family.parentOf(index);
      if (typeof parent === 'number' && again.has(parent)) again.add(index);
      return typeof parent !== 'number' || !again.has(parent);
    });
  }

  status(isSteerable: boolean): Partial<FleetStatus> {
    const { script, waves, approvals } = this;
    return {
      ...(isSteerable && approvals.length > 0 && { approvals }),
      ...(waves && { wave: waves.wave }),
      ...(script && { exchanges: script.exchanges, scriptGeneration: script.generation }),
      ...(script?.outcome && { outcome: script.outcome }),
    };
  }

  /** What a later run or generation needs; undefined: there is only a plan. */
  get parents(): Parents | undefined {
    if (!this.hasGrown) return undefined;
    return {
      spawned: this.family.spawned,
      maxTimeoutMs: this.spawnedTimeoutMs,
      ...(this.script && { script: this.script.stand }),
      ...(this.waves && { wave: this.waves.wave.open }),
      ...(this.waves?.isLineStopped && { isLineStopped: true }),
    };
  }

  ask(index: number, { request, seq }: { request: string; seq: number }): void {
    this.family.ask({ spawner: index, generation: this.units.generation(index), seq, request });
  }

  /** Someone waits for an answer that has not been looked for. */
  get isAsking(): boolean {
    return this.family.isAsking((ask) => this.isWanted(ask)) || this.waves?.next !== undefined;
  }

  /** The oldest request that somebody waits for whose end is not on its way. */
  nextAsk(isEnding: (index: number) => boolean): { ask: Ask; isNew: boolean } | undefined {
    const ask = this.family.nextAsk(
      (one) => this.isWanted(one) && (one.spawner === 'script' || !isEnding(one.spawner)),
    );
    if (!ask) return undefined;
    const { spawner, seq } = ask;
    return { ask, isNew: spawner === 'script' || !this.family.hasAnswered(spawner, seq) };
  }

  exchanged(outcome: ScriptOutcome): void {
    const { script, family } = this;
    script?.came(outcome);
    if (script?.pending) family.ask({ spawner: 'script', generation: script.generation, ...script.pending });
    if (script?.outcome) family.bereave('script');
  }
  endScript(outcome: ScriptEnd): void {
    this.script?.end(outcome);
    this.family.bereave('script');
  }

  openWave(): void {
    for (const index of this.waves!.openNext()) this.units.ready(index);
  }

  /** False: a person rejected a gate. A script hears of what was decided. */
  decide(hash: string, isApproved: boolean): boolean {
    const { script, waves } = this;
    const ask = script?.approvals.find((one) => one.hash === hash);
    if (ask) script?.decide(ask.exchange, hash, isApproved);
    else if (waves && isApproved) this.openWave();
    return ask !== undefined || isApproved;
  }

  /** Whether whoever asked still waits for the answer. */
  private isWanted({ spawner, generation, seq }: Ask): boolean {
    if (spawner === 'script') return this.script?.pending?.seq === seq;
    return this.units.isHeld(spawner) && this.units.generation(spawner) === generation;
  }

  /**
   * Its parent reads the answer in the store; the root learns whom it has to run, and whom the parent waits for. A request
   * that is not new was asked again: its subagents are there already.
   */
  admit(ask: Ask, isNew: boolean, admission: Admission): void {
    const { spawner, seq } = ask;
    const isAdmitted = admission.kind === 'admitted';
    const from = this.units.count;
    if (isAdmitted && isNew) this.grow(spawner, admission);
    if (spawner === 'script') {
      if (isAdmitted) this.script?.admitted(from, admission.count);
      else this.script?.refused();
    } else if (this.isWanted(ask)) {
      this.family.answer(spawner, seq, isAdmitted ? admission.waits : [], (index) => this.units.isEnded(index));
    } else if (this.isOver(ask)) this.family.bereave(spawner); // it ended meanwhile
  }

  /** Goes with the letters into the next run. */
  get carry(): Pick<FleetCarry, 'parents' | 'answered' | 'gate'> {
    const { parents, family, waves } = this;
    if (!parents) return {};
    return { parents, answered: family.answered, ...(waves?.approval && { gate: waves.approval }) };
  }

  /** Its parent waits, and is near to going on. */
  isAwaited(index: number): boolean {
    const parent = this.family.parentOf(index);
    if (typeof parent !== 'number' || !this.units.isHeld(parent)) return false;
    return this.family.missing(parent) <= REPORT_EACH_CHILD;
  }

  private grow(spawner: Spawner, { count, graph, maxTimeoutMs }: Extract<Admission, { kind: 'admitted' }>): void {
    const depth = spawner === 'script' ? 1 : this.units.depth(spawner) + 1;
    this.units.add(this.family.add(spawner, depth, count, graph));
    this.spawnedTimeoutMs = Math.max(this.spawnedTimeoutMs, maxTimeoutMs);
  }

  private isOver({ spawner, generation }: Ask): boolean {
    return spawner !== 'script' && (this.units.isEnded(spawner) || this.units.generation(spawner) !== generation);
  }

  private ended(index: number, status: SubagentStatus): void {
    this.family.ended(index);
    this.waves?.ended(index, status);
    if (this.family.parentOf(index) === 'script') this.script?.childEnded(index);
  }

  private reopened(index: number, status: SubagentStatus): void {
    this.family.reopened(index);
    this.waves?.reopened(index, status);
    if (this.family.parentOf(index) === 'script') this.script?.childReopened(index);
  }

  private restore({ parked, answered = [] }: FleetCarry): void {
    for (const [index, seq, waits] of answered)
      this.family.answer(index, seq, waits, (other) => this.units.isEnded(other));
    for (const [index, reason] of parked)
      if (reason.for === 'spawn' && !this.family.hasAnswered(index, reason.seq)) this.ask(index, reason);
    const pending = this.script?.pending;
    if (pending) this.family.ask({ spawner: 'script', generation: this.script!.generation, ...pending });
  }
}
