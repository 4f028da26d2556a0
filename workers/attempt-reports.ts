import type { ActivityInterceptorsFactory } from '@temporalio/worker';

/** What a worker tells the process that supervises it: the token of an attempt that begins, or that has ended. */
export type AttemptReport = { begun: string } | { ended: string };

/** Reports every attempt of a worker. Whoever listens may miss some: nothing depends on a report but speed. */
export function reportAttempts(tell: (report: AttemptReport) => void): ActivityInterceptorsFactory {
  return ({ info: { base64TaskToken: token } }) => ({
    inbound: {
      async execute(input, next) {
        tell({ begun: token });
        try {
          return await next(input);
        } finally {
          tell({ ended: token });
        }
      },
    },
  });
}

/** The channel to the process that supervises this one; undefined: nobody does. */
export function supervisorOf(process: NodeJS.Process):
  | {
      tell(report: AttemptReport): void;
      /** Called once when the supervisor is gone. */
      onGone(end: () => void): void;
    }
  | undefined {
  if (process.send === undefined) return undefined;
  return {
    tell(report) {
      // Without the callback a supervisor that has just died would make this throw later.
      if (process.connected) process.send!(report, undefined, undefined, () => undefined);
    },
    onGone(end) {
      process.once('disconnect', end);
      if (!process.connected) end();
      process.channel?.unref(); // it must not keep alive what has ended
    },
  };
}
