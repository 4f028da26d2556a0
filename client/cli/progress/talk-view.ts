import type { FleetChange } from '../../fleet-client/news.ts';
import type { Terminal } from '../terminal.ts';
import { ChangeLines } from './change-lines.ts';
import { LiveScreen } from './live-screen.ts';
import { ProgressModel } from './progress-model.ts';

/** What is said of a fleet under way: a screen drawn over and over on a terminal, elsewhere a line per change. */
export class TalkView implements Disposable {
  readonly #model = new ProgressModel();
  readonly #screen: LiveScreen | undefined;
  readonly #lines: ChangeLines;
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    const screen = terminal.hasScreen ? new LiveScreen(process.stderr, this.#model, terminal.talkPaint) : undefined;
    if (screen) terminal.divert((line) => screen.above(line));
    this.#screen = screen;
    this.#lines = new ChangeLines((line) => terminal.say(line));
  }

  apply(change: FleetChange): void {
    if (this.#screen) this.#model.apply(change, Date.now());
    else this.#lines.apply(change, Date.now());
  }

  [Symbol.dispose](): void {
    this.#terminal.divert(undefined);
    this.#screen?.close();
  }
}
