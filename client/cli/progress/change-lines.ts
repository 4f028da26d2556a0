import { SUBAGENT_STATUSES } from '../../../workflows/contract/statuses.ts';
import { money, oneLine, shorten } from '../figures.ts';
import type { FleetChange } from '../../fleet-client/news.ts';
import { ProgressModel } from './progress-model.ts';

/** Lines of counts at most this often; states and troubles are told at once. */
const EVERY_MS = 2_000;
const FAILURE_CHARS = 200;
const SAID_CHARS = 500;

/** For logs and pipes: one line per change. Failures by kind, the first of each in words; never a line per subagent. */
export class ChangeLines {
  readonly #model = new ProgressModel();
  readonly #write: (line: string) => void;
  #state = '';
  #counts = '';
  #countedAtMs = 0;
  readonly #kinds = new Set<string>();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  apply(change: FleetChange, nowMs: number): void {
    const hadTrouble = this.#model.trouble !== undefined;
    this.#model.apply(change, nowMs);
    if (change.kind === 'trouble' && !hadTrouble) this.#write('server or worker are away; bringing them back');
    if (change.kind === 'ended') this.#newKinds();
    if (change.kind === 'log') {
      const text = shorten(oneLine(change.text), SAID_CHARS);
      this.#write(change.what === 'phase' ? `phase: ${text}` : text);
    }
    if (change.kind === 'status') this.#stands(nowMs);
  }

  #newKinds(): void {
    for (const { signature, type, message, labels } of this.#model.clusters.all) {
      if (this.#kinds.has(signature)) continue;
      this.#kinds.add(signature);
      const label = oneLine(labels[0] ?? '');
      this.#write(shorten(`${label}: ${type}: ${oneLine(message)}`, FAILURE_CHARS));
    }
  }

  #stands(nowMs: number): void {
    const status = this.#model.status!;
    const wave = status.wave ? `, wave ${status.wave.open} of ${status.wave.of}` : '';
    const state = (status.reason ? `${status.state} (${status.reason})` : status.state) + wave;
    const hasNewState = state !== this.#state;
    const ended = SUBAGENT_STATUSES.filter((key) => status.census[key] > 0).map(
      (key) => `${status.census[key]} ${key}`,
    );
    const budget = status.budgetMicroUsd === null ? '' : ` of ${money(status.budgetMicroUsd)}`;
    const counts = [
      `${this.#model.ended}/${status.count} ended${ended.length > 0 ? `: ${ended.join(', ')}` : ''}`,
      `${status.running} running`,
      `${money(status.spentMicroUsd)}${budget}`,
    ].join(' · ');
    const isDue = counts !== this.#counts && nowMs - this.#countedAtMs >= EVERY_MS;
    if (!hasNewState && !isDue) return;
    this.#state = state;
    this.#counts = counts;
    this.#countedAtMs = nowMs;
    this.#write(`${status.id} ${state} · ${counts}`);
  }
}
