/** What one task is applied to. `name` is unique within one resolution and short enough for a label. */
export type Target =
  | { kind: 'directory'; name: string; directory: string }
  | { kind: 'file'; name: string; directory: string; file: string }
  | { kind: 'repository'; name: string; url: string; ref?: string };

/** One entry of a `targets` list. A plain text says by its looks what it is. */
export type TargetEntry = string | { path: string } | { list: string } | { url: string; ref?: string | undefined };

export interface TargetProblem {
  /** Position in the `targets` list. */
  entry: number;
  message: string;
  hint: string;
}

/** https://…, ssh://…, git://…, file://… or git@host:path; nothing that git would read as an option or a helper. */
export function isGitUrl(text: string): boolean {
  return /^(https?|ssh|git|file):\/\/[^\s]+$/.test(text) || /^[\w.-]+@[\w.-]+:[^\s-][^\s]*$/.test(text);
}

/** Whether a URL holds a password or token, which must not reach a stored plan. */
export function hasPassword(url: string): boolean {
  return /^https?:\/\/[^/@]+@/.test(url) || /^\w+:\/\/[^/@:]*:[^/@]+@/.test(url);
}
