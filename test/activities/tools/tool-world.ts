import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { createToolDispatcher, type ToolDispatcherOptions } from '../../../activities/tools/dispatcher.ts';
import type { ToolAnswer, ToolContext, ToolDispatcher } from '../../../activities/tools/tool.ts';
import type { Grant } from '../../../workflows/contract/task.schema.ts';

/** Stands in every file outside the workspace; no answer may hold it. */
export const CANARY = 'canary-7f3a91';

export interface LogLine {
  level: number;
  msg: string;
  reason?: string;
  [field: string]: unknown;
}

export interface Overrides {
  grant?: Partial<Grant>;
  mayWrite?: boolean;
  /** Working directory, relative to the workspace. */
  directory?: string;
  signal?: AbortSignal;
}

/** A workspace with real files, a directory outside it whose canaries must stay unseen and untouched, one dispatcher. */
export class ToolWorld implements Disposable {
  readonly base = realpathSync(mkdtempSync(join(tmpdir(), 'muster-tools-')));
  readonly root = join(this.base, 'ws');
  readonly outside = join(this.base, 'outside');
  readonly lines: LogLine[] = [];
  readonly dispatcher: ToolDispatcher;

  constructor(files: Readonly<Record<string, string | Buffer>> = {}, options: Partial<ToolDispatcherOptions> = {}) {
    const log = pino({ level: 'debug' }, { write: (line: string) => this.lines.push(JSON.parse(line) as LogLine) });
    this.dispatcher = createToolDispatcher({ log, ...options });
    mkdirSync(this.root);
    mkdirSync(this.outside);
    for (const name of ['secret', 'file.ts', 'deep/file.ts']) this.#put(join(this.outside, name), `${CANARY}\n`);
    this.#put(join(this.base, 'ws-sibling', 'secret'), `${CANARY}\n`);
    for (const [path, content] of Object.entries(files)) this.#put(join(this.root, path), content);
  }

  run(name: string, input: unknown, overrides: Overrides = {}): Promise<ToolAnswer> {
    return this.dispatcher.run({ name, input }, this.context(overrides));
  }

  context({ grant, mayWrite = true, directory = '', signal }: Overrides = {}): ToolContext {
    return {
      workspace: { root: this.root, directory: join(this.root, directory), mayWrite },
      grant: { allow: ['Read', 'Edit'], deny: [], mode: 'dontAsk', ...grant },
      signal: signal ?? new AbortController().signal,
    };
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  put(path: string, content: string | Buffer): void {
    this.#put(join(this.root, path), content);
  }

  /** Every file outside with its content and mode: the same before and after, or something escaped. */
  outsideState(): string {
    const places = [this.outside, join(this.base, 'ws-sibling')];
    const files = places.flatMap((place) =>
      readdirSync(place, { recursive: true, encoding: 'utf8' }).map((name) => join(place, name)),
    );
    const state = files.sort().map((file) => {
      const stats = statSync(file);
      return [file, stats.mode, stats.isFile() ? readFileSync(file, 'utf8') : ''];
    });
    return JSON.stringify([readdirSync(this.base).sort(), state]);
  }

  /** Every name in the workspace; links are not followed. */
  names(directory = this.root): string[] {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const place = join(directory, entry.name);
      return entry.isDirectory() ? [place, ...this.names(place)] : [place];
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.base, { recursive: true, force: true });
  }

  #put(file: string, content: string | Buffer): void {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}
