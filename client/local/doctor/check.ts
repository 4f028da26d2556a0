import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { shownStoreUrl } from '../../../activities/artifacts/open-store.ts';

/** One need, looked at. `failed`: muster cannot work as asked; `warning`: it can, with what `detail` says. */
export interface Check {
  name: string;
  status: 'ok' | 'warning' | 'failed';
  detail: string;
  /** How to mend it. */
  hint?: string;
}

export const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail });
export const warning = (name: string, detail: string, hint: string): Check => ({
  name,
  status: 'warning',
  detail,
  hint,
});
export const failed = (name: string, detail: string, hint: string): Check => ({ name, status: 'failed', detail, hint });

/** A URL as it may be shown: without what may be a credential. */
export const shownUrl = shownStoreUrl;

/** What a command printed, or why it could not: its error output's first line, or the system's word. Ends in 10 s. */
export async function ask(command: string, args: readonly string[]): Promise<{ output?: string; trouble?: string }> {
  try {
    const { stdout } = await promisify(execFile)(command, args, { timeout: 10_000 });
    return { output: stdout.trim() };
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') return { trouble: `${command} is not installed` };
    return { trouble: (stderr?.trim() || message).split('\n')[0]! };
  }
}

/** Whether a dotted version is at least another. */
export function isAtLeast(version: string, wanted: string): boolean {
  const parts = version.split('.').map(Number);
  const least = wanted.split('.').map(Number);
  for (const [i, part] of least.entries()) if ((parts[i] ?? 0) !== part) return (parts[i] ?? 0) > part;
  return true;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
