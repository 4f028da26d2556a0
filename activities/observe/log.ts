import { destination, pino, stdSerializers, type Logger } from 'pino';
import type { Redact } from './redaction.ts';
import { currentFields } from './within.ts';

export type Log = Logger;

/** Fields that hold a credential wherever they turn up, in an error's request or a configuration. */
const SECRET_FIELDS = [
  ...['apiKey', 'authToken', 'token', 'password', 'secret', 'secretAccessKey', 'sessionToken', 'authorization'],
  ...['headers.authorization', 'headers["x-api-key"]', 'headers["proxy-authorization"]', 'headers.cookie'],
];

/**
 * JSON lines on stderr, constant messages, facts in fields; what the work under way is about (fleet, subagent, trace)
 * is in each line by itself. Credentials never reach a line: not by field, and with `redact` not inside any text
 * either.
 */
export function createLog(level: string, bindings: Record<string, unknown> = {}, redact?: Redact): Log {
  return pino(
    {
      level,
      base: { pid: process.pid, ...bindings },
      mixin: currentFields,
      serializers: { error: stdSerializers.err }, // as Temporal's SDK calls it; ours is `err`
      redact: {
        paths: SECRET_FIELDS.flatMap((path) => [path, `*.${path}`, `*.*.${path}`]),
        censor: '[hidden]',
      },
      ...(redact && { hooks: { streamWrite: redact } }),
    },
    destination({ dest: 2, sync: false }),
  );
}
