import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfinedProgram, ConfinedStart } from '../sandbox/sandbox.ts';
import { NICENESS, NODE_HEAP_MIB, PROCESS_CPU_S, PROCESS_MEMORY_BYTES } from './limits.ts';

/** How this worker starts programs nobody trusts. Rejects with `SandboxUnavailable`. */
export type Launch = (program: ConfinedProgram) => Promise<ConfinedStart>;

const PACKAGES = ['acorn', 'fastest-levenshtein', 'quickjs-wasi'];

/** The engine counts its own stack in WebAssembly; V8's, which holds the same calls, must never end first. */
const STACK_KIB = 16_384;
const V8_STACK_KIB = 12_000;

/**
 * Limits first, then node alone, with an empty environment. The priority is low: a script that computes delays nobody.
 * A limit that a host does not know is left out; its stack is only used where it was granted.
 */
const START = [
  'ulimit -c 0',
  `ulimit -t ${PROCESS_CPU_S.toString()} 2>/dev/null`,
  `ulimit -d ${(PROCESS_MEMORY_BYTES / 1024).toString()} 2>/dev/null`,
  'node=$1; shift',
  `if ulimit -s ${STACK_KIB.toString()} 2>/dev/null; then set -- --stack-size=${V8_STACK_KIB.toString()} "$@"; fi`,
  `exec nice -n ${NICENESS.toString()} env -i "$node" "$@"`,
].join('\n');

/** The child that interprets a script, as a program for a sandbox: what of this host it reads, and nothing else. */
export function interpreterProgram(): ConfinedProgram {
  const room = fileURLToPath(new URL('./', import.meta.url)).replace(/\/$/, '');
  const workflows = fileURLToPath(new URL('../../workflows', import.meta.url));
  const main = join(room, 'child', `main${extname(import.meta.url)}`);
  const files = [room, workflows, nearestManifest(room), ...PACKAGES.map(placeOf)];
  // Where a package is a link, a sandbox shows a directory in its place, and a plain node goes where it leads.
  const mayRead = new Set([...files, ...files.map((path) => realpathSync(path))]);
  const node = [
    ...['--no-warnings', `--max-old-space-size=${NODE_HEAP_MIB.toString()}`, '--disable-proto=throw'],
    ...['--permission', ...[...mayRead].map((path) => `--allow-fs-read=${path}`)],
  ];
  return {
    command: '/bin/sh',
    args: ['-c', START, 'interpreter', process.execPath, ...node, main],
    env: {},
    readOnlyPaths: [...files, process.execPath].filter((path) => !path.startsWith('/usr/')),
    hasNetwork: false,
  };
}

/** Where node looks a package up from here: a link is followed by whoever binds it. */
function placeOf(name: string): string {
  const places = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const found = places.map((place) => join(place, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`the package ${name} is not installed: install muster again`);
  return found;
}

/** Says that our files are modules. */
function nearestManifest(from: string): string {
  for (let directory = from; ; directory = dirname(directory)) {
    const path = join(directory, 'package.json');
    if (existsSync(path) || directory === dirname(directory)) return path;
  }
}
