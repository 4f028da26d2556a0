import type { CommandOptions, Sandboxes } from '../sandbox/sandbox.ts';
import type { Metrics } from './metrics.ts';

/** The same sandboxes; they and their commands are counted. */
export function watchedSandboxes(sandboxes: Sandboxes, metrics: Metrics): Sandboxes {
  return {
    check: () => sandboxes.check(),
    confine: (program) => sandboxes.confine(program),
    close: () => sandboxes.close(),
    create(options) {
      const sandbox = sandboxes.create(options);
      let isOpen = true;
      metrics.sandboxes(1);
      const counted = (how: 'run' | 'runApart') => async (command: string, of: CommandOptions) => {
        const startedAt = performance.now();
        let endedBy: string | undefined = 'abort';
        try {
          const outcome = await sandbox[how](command, of);
          endedBy = outcome.endedBy;
          return outcome;
        } finally {
          metrics.sandboxCommand({ endedBy, durationMs: performance.now() - startedAt });
        }
      };
      return {
        run: counted('run'),
        runApart: counted('runApart'),
        close() {
          if (isOpen) metrics.sandboxes(-1);
          isOpen = false;
          return sandbox.close();
        },
      };
    },
  };
}
