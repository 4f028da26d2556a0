import type { Command } from 'commander';

/** One command: a file in `commands/` that adds itself to the program. */
export type Register = (program: Command) => void;

/**
 * The command ends with this code after `message` (and `hint`: what to do next) on stderr. Codes: contracts §5. `code` is
 * the stable name scripts compare; omitted, it follows from the exit code.
 */
export class CommandFailure extends Error {
  override name = 'CommandFailure';
  readonly exitCode: number;
  readonly hint: string | undefined;
  readonly code: string | undefined;

  constructor(exitCode: number, message: string, hint?: string, code?: string) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
    this.code = code;
  }
}
