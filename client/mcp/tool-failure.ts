import { describeError } from '../cli/error-report.ts';
import { cut } from './result-row.ts';

/** A call that cannot be met, in words for whoever made it. `hint`: what to do next; `code`: for programs. */
export class ToolFailure extends Error {
  override name = 'ToolFailure';
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

export interface Described {
  code: string;
  message: string;
  hint?: string;
  faults?: readonly object[];
}

/** Where the caller of a tool must do something else than somebody at a command line. */
const OWN_HINTS: Readonly<Record<string, string>> = {
  no_credential:
    'have a person start the MCP server with ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN in its environment, or pass `simulate: true` to try it without Claude and without cost',
  not_asked: 'fleet_status shows what is asked, and its hash',
  changed: 'look at it again: fleet_status shows what is asked now, and its hash',
  unknown_label: 'fleet_results lists the labels of those that have ended',
};
const MAX_FAULTS = 50;
const MAX_MESSAGE_CHARS = 8_000;

/** What went wrong, bounded, without what only a terminal has a use for. */
export function describeFailure(error: unknown): Described {
  if (error instanceof ToolFailure) return withHint(error.code, error.message, error.hint);
  const { code, message, hint, faults } = describeError(error, []);
  if (code === 'internal') {
    const said = error instanceof Error ? error.message : String(error);
    return withHint(code, said, 'this should not happen; `muster doctor` checks what muster needs');
  }
  if (!faults) return withHint(code, message, OWN_HINTS[code] ?? hint);
  // Faults of what is a flag at the command line.
  const lines = message.split('\n').map((line) => line.replace(/^--?(?=[a-z])/, ''));
  const more = lines.length > MAX_FAULTS ? [`and ${lines.length - MAX_FAULTS} more faults`] : [];
  return {
    ...withHint(
      code,
      [...lines.slice(0, MAX_FAULTS), ...more].join('\n'),
      'nothing was started; mend it and call again',
    ),
    faults: faults.slice(0, MAX_FAULTS),
  };
}

/** What goes wrong once a fleet stands: whoever started it must hear of it all the same. */
export function afterStart(id: string, error: unknown): ToolFailure {
  const { code, message } = describeFailure(error);
  const said = `the fleet ${id} was started and goes on, but how it stands could not be read: ${message}`;
  return new ToolFailure(code, said, `fleet_status {id: "${id}"} tries again; do not start it anew`);
}

function withHint(code: string, message: string, hint: string | undefined): Described {
  return { code, message: cut(message, MAX_MESSAGE_CHARS), ...(hint !== undefined && { hint }) };
}
