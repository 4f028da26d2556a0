import { isGitUrl } from './target.ts';

export interface ListEntry {
  /** Line in the list file, from 1. */
  line: number;
  /** A git URL, or a path relative to the list file. */
  text: string;
  ref?: string;
  /** CSV only: a directory inside the repository or list's directory. */
  path?: string;
}

/** `repos.txt`: one target a line, `#` starts a comment, blank lines mean nothing; `url#ref` names a ref. */
export function parseTextList(text: string): ListEntry[] {
  return text.split('\n').flatMap((raw, i) => {
    const content = raw.replace(/(^|\s)#.*$/, '').trim();
    return content === '' ? [] : [{ line: i + 1, ...splitRef(content) }];
  });
}

/** CSV with a header row, `cloneUrl,branch,path` as Moderne writes it; other columns are ignored. Throws RangeError without one. */
export function parseCsvList(text: string): ListEntry[] {
  const [header, ...rows] = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map(splitRow);
  const column = (name: string): number =>
    (header ?? []).findIndex((cell) => cell.toLowerCase() === name.toLowerCase());
  const url = column('cloneUrl') >= 0 ? column('cloneUrl') : column('url');
  const path = column('path');
  if (url < 0 && path < 0) throw new RangeError('the header row has neither cloneUrl nor path');
  return rows.flatMap((cells, i) => {
    const text = cells[url] || cells[path];
    if (!text) return [];
    const ref = cells[column('branch')];
    const inside = cells[url] ? cells[path] : undefined;
    return [{ line: i + 2, text, ...(ref ? { ref } : {}), ...(inside ? { path: inside } : {}) }];
  });
}

function splitRow(row: string): string[] {
  const cells = row.trim() === '' ? [] : row.match(/("([^"]|"")*"|[^,]*)(,|$)/g)!.slice(0, -1);
  const line = row.trim();
  const last = line.endsWith(',') || cells.length > 0 ? cells : [line];
  return last.map((cell) =>
    cell
      .replace(/,$/, '')
      .trim()
      .replace(/^"(.*)"$/s, '$1')
      .replaceAll('""', '"'),
  );
}

/** `https://host/a.git#v1` → the URL and its ref. */
export function splitRef(text: string): { text: string; ref?: string } {
  const [, url, ref] = /^(.+?)#([^#\s]+)$/.exec(text) ?? [];
  return url !== undefined && ref !== undefined && isGitUrl(url) ? { text: url, ref } : { text };
}
