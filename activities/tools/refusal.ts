import type { DenialReason } from '../../workflows/policy/permission.ts';

/** The call goes beyond what is allowed: told to the model, logged, and an entry of `permission_denials`. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly reason: DenialReason;

  constructor(reason: DenialReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The call failed in a way the model can mend; the message says how. `hasWritten`: it may have changed the workspace. */
export class ToolError extends Error {
  override name = 'ToolError';
  readonly hasWritten: boolean;

  constructor(message: string, { hasWritten = false }: { hasWritten?: boolean } = {}) {
    super(message);
    this.hasWritten = hasWritten;
  }
}

/** The error code of the system, such as ENOENT; undefined for any other throw. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
