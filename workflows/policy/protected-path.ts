/**
 * Characters that file systems drop or fold, so that names which look different are one file: code points HFS+ ignores
 * (git's `utf8.c`, `next_hfs_char`), and what Windows drops at the end of a name.
 */
const IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
const PLAIN = /^[\x20-\x7e]*$/;

/** A path as the most forgetful file system would read it; two that fold alike may be one file somewhere. */
export function foldPath(path: string): string {
  if (PLAIN.test(path)) return path.toLowerCase();
  const decomposed = path.normalize('NFD').replace(IGNORED, '');
  // One by one: the lower case of a sigma depends on its neighbours, that of a file name must not.
  return Array.from(decomposed, (char) => char.toUpperCase().toLowerCase()).join('');
}

const DIRECTORIES = new Set([
  ...['.git', '.claude', '.vscode', '.idea', '.husky'],
  ...['.cargo', '.yarn', '.mvn', '.bundle'],
]);

const FILES = new Set([
  ...['.mcp.json', '.claude.json', '.gitconfig', '.gitmodules', '.ripgreprc', '.envrc', '.inputrc', '.netrc'],
  ...['.profile', '.login', '.logout', '.bashrc', '.bash_profile', '.bash_login', '.bash_logout', '.bash_aliases'],
  ...['.zshrc', '.zshenv', '.zprofile', '.zlogin', '.zlogout', '.kshrc', '.mkshrc', '.cshrc', '.tcshrc', '.xonshrc'],
  ...['.npmrc', '.yarnrc', '.yarnrc.yml', '.pnpmrc', '.pnpmfile.cjs', 'bunfig.toml', '.bunfig.toml'],
  ...['.pypirc', 'pip.conf', '.condarc', '.gemrc'],
]);

/** The name as Windows would open it: without a stream, without dots and spaces at its end. */
const spoken = (name: string): string => name.replace(/:.*$/s, '').replace(/[. ]+$/, '');

/** git's own directory under any spelling, its short name on NTFS included. Never read, never written. */
export function isGitPath(path: string): boolean {
  return foldPath(path)
    .split('/')
    .some((name) => /^(\.git|git~\d+)$/.test(spoken(name)));
}

/** Configuration that programs obey: no allow rule approves an edit of it. */
export function isProtectedPath(path: string): boolean {
  const names = foldPath(path).split('/').map(spoken);
  return isGitPath(path) || names.some((name) => DIRECTORIES.has(name)) || FILES.has(names.at(-1) ?? '');
}
