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

/** What is wrong with a repository to clone; undefined: nothing. */
export function repoProblem(repo: {
  url: string;
  ref?: string | undefined;
}): { key: 'url' | 'ref'; message: string; hint: string } | undefined {
  const { url, ref } = repo;
  if (hasPassword(url)) {
    const hint = 'remove it; git asks its credential helper';
    return { key: 'url', message: 'the git URL holds a credential', hint };
  }
  if (!isGitUrl(url)) {
    const hint = 'write https://host/name.git or git@host:name.git';
    return { key: 'url', message: `${JSON.stringify(url)} is no git URL`, hint };
  }
  if (!ref?.startsWith('-')) return undefined;
  return { key: 'ref', message: `${JSON.stringify(ref)} is no ref`, hint: 'write a branch, tag or commit' };
}
