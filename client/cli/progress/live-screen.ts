import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { Paint } from '../paint.ts';
import { renderScreen } from './screen.ts';
import type { ProgressModel } from './progress-model.ts';

/** Draws the model on a terminal until closed; one timer, at most two frames a second. */
export class LiveScreen {
  readonly #stream: NodeJS.WriteStream;
  readonly #model: ProgressModel;
  readonly #paint: Paint;
  readonly #timer: NodeJS.Timeout;
  #update: ReturnType<typeof createLogUpdate>;
  #frame = '';

  constructor(stream: NodeJS.WriteStream, model: ProgressModel, paint: Paint) {
    this.#stream = stream;
    this.#model = model;
    this.#paint = paint;
    this.#update = createLogUpdate(stream, { showCursor: true });
    this.#timer = setInterval(() => this.draw(), 500);
    stream.on('resize', this.#resized);
  }

  draw(): void {
    const { columns = 80, rows = 24 } = this.#stream;
    this.#frame = renderScreen(this.#model, { columns, rows }, Date.now(), this.#paint);
    this.#update(this.#frame);
  }

  /** Writes a line that stays, above the view. */
  above(line: string): void {
    this.#update.clear();
    this.#stream.write(`${line}\n`);
    this.draw();
  }

  /** The terminal has wrapped the old frame at its new width: what it takes now is wiped, then drawn anew. */
  readonly #resized = (): void => {
    const { columns = 80 } = this.#stream;
    const rows = this.#frame
      .split('\n')
      .reduce((sum, line) => sum + Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns)), 0);
    this.#stream.write(`\u001b[${rows}A\u001b[G\u001b[J`);
    this.#update = createLogUpdate(this.#stream, { showCursor: true });
    this.draw();
  };

  /** Removes the view, so that what is written next stands in its place. Safe to call twice. */
  close(): void {
    clearInterval(this.#timer);
    this.#stream.off('resize', this.#resized);
    this.#update.clear();
    this.#update.done();
  }
}
