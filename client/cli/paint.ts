import picocolors from 'picocolors';
import type { SubagentStatus } from '../../workflows/contract/statuses.ts';

export type Paint = ReturnType<typeof picocolors.createColors>;

/** `color` as the configuration has it: `NO_COLOR`, `CLICOLOR_FORCE`, else whether somebody looks. */
export function paintFor(color: 'always' | 'never' | 'auto', isTerminal: boolean): Paint {
  return picocolors.createColors(color === 'always' || (color === 'auto' && isTerminal));
}

export function paintStatus(paint: Paint, status: SubagentStatus, text: string): string {
  switch (status) {
    case 'completed':
      return paint.green(text);
    case 'failed':
    case 'timed_out':
      return paint.red(text);
    case 'budget_reached':
    case 'stopped':
      return paint.yellow(text);
    case 'skipped':
    case 'not_attempted':
      return paint.dim(text);
  }
}
