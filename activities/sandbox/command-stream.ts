import { CapturedOutput } from './captured-output.ts';

/** Ends and starts the line a shell prints after a command: a character no text has. */
const EDGE = '\x1e';

/**
 * The output of a shell, cut into commands. A command has ended when its shell prints a line that nobody could know
 * before: its nonce and exit code. What comes between commands belongs to the next one.
 */
export class CommandStream {
  private readonly keptBytes: number;
  private readonly limitBytes: number;
  private readonly onExcess: () => void;
  private captured: CapturedOutput;
  private finished: CapturedOutput | undefined;
  private held: Buffer = Buffer.alloc(0);
  private awaited: { mark: Buffer; ended: (exitCode: number) => void } | undefined;

  /** `onExcess`: more than `limitBytes` came since the last command ended. */
  constructor(limits: { keptBytes: number; limitBytes: number }, onExcess: () => void) {
    this.keptBytes = limits.keptBytes;
    this.limitBytes = limits.limitBytes;
    this.onExcess = onExcess;
    this.captured = new CapturedOutput(this.keptBytes);
  }

  /** One at a time. */
  await(nonce: string, ended: (exitCode: number) => void): void {
    this.awaited = { mark: Buffer.from(`${EDGE}${nonce} `), ended };
  }

  add(chunk: Buffer): void {
    const { awaited } = this;
    if (awaited === undefined) return this.keep(chunk);
    const bytes = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk]);
    const at = bytes.indexOf(awaited.mark);
    const end = at < 0 ? -1 : bytes.indexOf(EDGE, at + awaited.mark.length);
    if (end >= 0) {
      this.keep(bytes.subarray(0, at));
      this.finished = this.captured;
      this.forget();
      this.keep(bytes.subarray(end + 1));
      return awaited.ended(Number(bytes.toString('latin1', at + awaited.mark.length, end)));
    }
    const from = at < 0 ? beginningOf(awaited.mark, bytes) : at;
    this.held = bytes.subarray(from);
    this.keep(bytes.subarray(0, from));
  }

  /** What the command printed that has ended, or all that came of one that never will. */
  take(): { output: string; outputBytes: number } {
    const taken = this.finished ?? this.captured;
    if (this.finished === undefined) {
      taken.add(this.held);
      this.forget();
    }
    this.finished = undefined;
    return { output: taken.text(), outputBytes: taken.bytes };
  }

  private forget(): void {
    this.awaited = undefined;
    this.held = Buffer.alloc(0);
    this.captured = new CapturedOutput(this.keptBytes);
  }

  private keep(bytes: Buffer): void {
    this.captured.add(bytes);
    if (this.captured.bytes > this.limitBytes) this.onExcess();
  }
}

/** Where the bytes end with a part of the mark; else their length. */
function beginningOf(mark: Buffer, bytes: Buffer): number {
  let at = bytes.indexOf(EDGE, Math.max(0, bytes.length - mark.length + 1));
  while (at >= 0 && !mark.subarray(0, bytes.length - at).equals(bytes.subarray(at))) at = bytes.indexOf(EDGE, at + 1);
  return at < 0 ? bytes.length : at;
}
