import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { runGit } from './git.ts';
import { records } from './file-list.ts';
import { SharedWork } from './shared-work.ts';
import type { Tree, Trees } from './trees.ts';
import { CloneDenied } from './workspace.ts';

export type RepoSource = { url: string; ref?: string | undefined };

/** How long an answer of the remote holds: subagents that start together see one state. */
const RESOLVED_FOR_MS = 60_000;
const SLOWEST = ['-c', 'http.lowSpeedLimit=1000', '-c', 'http.lowSpeedTime=60'];

/** A tree and the commit it was fetched as. */
export interface FetchedTree {
  tree: Tree;
  commit: string;
}

/** Trees that come from git remotes; `<directory>/<commit>` remembers the tree of a commit fetched before. */
export class Remotes {
  readonly #directory: string;
  readonly #trees: Trees;
  readonly #protocols: string;
  readonly #onFetched: ((durationMs: number) => void) | undefined;
  readonly #work = new SharedWork<FetchedTree>();
  readonly #resolved = new Map<string, { name: string; commit: string; atMs: number }>();

  constructor(directory: string, trees: Trees, protocols: readonly string[], onFetched?: (durationMs: number) => void) {
    this.#directory = directory;
    this.#trees = trees;
    this.#protocols = protocols.join(':');
    this.#onFetched = onFetched;
  }

  /** Fetches one commit without history, unless it is here. `commit` asks for exactly that one instead of `ref`. */
  async tree({ url, ref = 'HEAD' }: RepoSource, commit: string | undefined, signal: AbortSignal): Promise<FetchedTree> {
    checkUrl(url);
    checkRef(ref);
    const wanted = commit ?? ref;
    return this.#work.join(`${url} ${wanted}`, signal, async (working) => {
      const found = /^[0-9a-f]{40}$/.test(wanted)
        ? { name: wanted, commit: wanted }
        : await this.#resolve(url, wanted, working);
      return (await this.#known(found.commit)) ?? (await this.#fetch(url, found.name, working));
    });
  }

  async #resolve(url: string, ref: string, signal: AbortSignal): Promise<{ name: string; commit: string }> {
    const key = `${url} ${ref}`;
    const known = this.#resolved.get(key);
    if (known !== undefined && Date.now() - known.atMs < RESOLVED_FOR_MS) return known;
    const args = [...SLOWEST, 'ls-remote', '--quiet', '--', url, ref, `${ref}^{}`];
    const { stdout } = await this.#run(args, this.#directory, signal);
    const refs = new Map(
      records(Buffer.from(stdout.toString().replaceAll('\n', '\0'))).map((line) => {
        const [id = '', name = ''] = line.split('\t');
        return [name, id] as const;
      }),
    );
    for (const name of [ref, `refs/${ref}`, `refs/heads/${ref}`, `refs/tags/${ref}`]) {
      const commit = refs.get(`${name}^{}`) ?? refs.get(name);
      if (commit === undefined) continue;
      const found = { name, commit, atMs: Date.now() };
      this.#resolved.set(key, found);
      return found;
    }
    throw new CloneDenied(`${shownUrl(url)} has no ref ${ref}`);
  }

  async #known(commit: string): Promise<FetchedTree | undefined> {
    const id = await readFile(join(this.#directory, commit), 'utf8').catch(() => undefined);
    const tree = id === undefined ? undefined : await this.#trees.existing(id);
    return tree && { tree, commit };
  }

  async #fetch(url: string, name: string, signal: AbortSignal): Promise<FetchedTree> {
    const startedAt = performance.now();
    let commit = '';
    const tree = await this.#trees.build(async (repository) => {
      const flags = ['--quiet', '--no-tags', '--depth=1', '--no-write-fetch-head', '--no-recurse-submodules'];
      const args = [...SLOWEST, 'fetch', ...flags, '--', url, `+${name}:refs/fetched`];
      await this.#run(args, repository.directory, signal, { GIT_DIR: repository.directory });
      const { stdout } = await repository.run(['rev-parse', 'refs/fetched^{commit}', 'refs/fetched^{tree}'], {
        signal,
      });
      const [fetched = '', id = ''] = stdout.toString().split('\n');
      commit = fetched;
      return id;
    }, signal);
    const aside = join(this.#directory, randomUUID());
    await writeFile(aside, tree.id);
    await rename(aside, join(this.#directory, commit));
    this.#onFetched?.(performance.now() - startedAt);
    return { tree, commit };
  }

  async #run(args: readonly string[], cwd: string, signal: AbortSignal, environment = {}) {
    await mkdir(this.#directory, { recursive: true });
    const call = { cwd, signal, environment: { GIT_ALLOW_PROTOCOL: this.#protocols, ...environment } };
    return runGit(args, call);
  }
}

/** Refused before git sees it: options, helpers that run programs, control characters. */
function checkUrl(url: string): void {
  if (/^-|::|[\0-\x20\x7f]/.test(url) || url.length > 2000) throw new CloneDenied(`not a git URL: ${shownUrl(url)}`);
}

function checkRef(ref: string): void {
  if (!/^[^-+^:~?*[\\\0-\x20\x7f][^^:~?*[\\\0-\x20\x7f]*$/.test(ref) || /\.\.|@\{|\.lock$|\/$/.test(ref)) {
    throw new CloneDenied(`not a git ref: ${JSON.stringify(ref.slice(0, 100))}`);
  }
}

const shownUrl = (url: string): string => JSON.stringify(url.slice(0, 300).replace(/\/\/[^/@]*@/, '//'));
