#!/usr/bin/env node
// Plain JavaScript that any Node from 12 on can read: it must say its one sentence even where the rest cannot run.
import { spawn } from 'child_process';
import { existsSync, realpathSync } from 'fs';
import * as nodeModule from 'module';
import { homedir } from 'os';
import { dirname, isAbsolute, join } from 'path';
import { fileURLToPath, pathToFileURL } from 'url';

const NEEDED = 24;
const self = realpathSync(fileURLToPath(import.meta.url));
const root = dirname(dirname(self));
const isCheckout = existsSync(join(root, 'client', 'cli', 'main.ts'));

if (Number(process.versions.node.split('.')[0]) >= NEEDED) run();
else if (isCheckout) runWithPinnedNode();
else fail('install it from https://nodejs.org, or run muster with another Node first on PATH.');

function run() {
  useCompileCache();
  const name = process.argv[2] === 'worker' ? 'workers/supervised' : 'client/cli/main';
  const file = isCheckout ? join(root, name + '.ts') : join(root, 'dist', name + '.js');
  // As if it had been started itself.
  process.argv[1] = file;
  import(pathToFileURL(file).href).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

/** Compiled code is kept between runs: a command starts in half the time. A full disk only costs that. */
function useCompileCache() {
  if (!nodeModule.enableCompileCache || process.env.NODE_COMPILE_CACHE) return;
  const given = process.env.XDG_CACHE_HOME;
  const cache = given && isAbsolute(given) ? given : join(homedir(), '.cache');
  nodeModule.enableCompileCache(join(cache, 'muster', 'compiled'));
}

function runWithPinnedNode() {
  const pinned = join(root, 'node_modules', 'node', 'bin', 'node');
  if (!existsSync(pinned)) return fail('run `npm ci` in ' + root + ', which brings it along.');
  const child = spawn(pinned, [self].concat(process.argv.slice(2)), { stdio: 'inherit' });
  // A terminal sends its Ctrl-C to the child as well, and a second one means something else there.
  const hasTerminal = [0, 1, 2].some((fd) => isTerminal(fd));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH'])
    process.on(signal, () => (hasTerminal && /INT|QUIT|WINCH/.test(signal) ? undefined : child.kill(signal)));
  child.on('error', (error) => fail(pinned + ' cannot be run: ' + error.message));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function isTerminal(fd) {
  return [process.stdin, process.stdout, process.stderr][fd].isTTY === true;
}

function fail(advice) {
  console.error('muster needs Node ' + NEEDED + ' or newer and this is ' + process.version + ': ' + advice);
  process.exit(1);
}
