import { destination, pino, type Logger } from 'pino';

export type Log = Logger;

/** JSON lines on stderr, constant messages, facts in fields; credentials never reach a line. */
export function createLog(level: string, bindings: Record<string, unknown> = {}): Log {
  return pino(
    {
      level,
      base: { pid: process.pid, ...bindings },
      redact: {
        paths: ['apiKey', 'authToken', '*.apiKey', '*.authToken', 'headers.authorization'],
        censor: '[hidden]',
      },
    },
    destination({ dest: 2, sync: false }),
  );
}
