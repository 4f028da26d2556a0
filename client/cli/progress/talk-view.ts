import type { FleetChange } from '../../fleet-client/news.ts';
import type { Terminal } from '../terminal.ts';
import { ChangeLines } from './change-lines.ts';
import type { LiveScreen } from './live-screen.ts';
import { ProgressModel } from './progress-model.ts';

/** What is said of a fleet under way: a screen drawn over and over on a terminal, elsewhere a line per change. */
export class TalkView implements Disposable {
  readonly #model: ProgressModel;
  readonly #screen: LiveScreen | undefined;
  readonly #lines: ChangeLines;
  readonly #terminal: Terminal;

  /** What draws a screen is loaded only where there is one. */
  static async open(terminal: Terminal): Promise<TalkView> {
    const model = new ProgressModel();
    if (!terminal.hasScreen) return new TalkView(terminal, model, undefined);
    const { LiveScreen } = await import('./live-screen.ts');
    return new TalkView(terminal, model, new LiveScreen(process.stderr, model, terminal.talkPaint));
  }

  private constructor(terminal: Terminal, model: ProgressModel, screen: LiveScreen | undefined) {
    this.#terminal = terminal;
    this.#model = model;
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
