import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spendingText } from '../cli/confirmation.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { CommandFailure } from '../cli/context.ts';
import { bytes } from '../cli/figures.ts';
import { Interrupts } from '../cli/interrupts.ts';
import { loadPlan } from '../cli/load-plan.ts';
import { openSettings } from '../cli/session.ts';
import { askYesNo, type Terminal } from '../cli/terminal.ts';
import { requireClaude, type Config } from '../config.ts';
import { createHome } from '../local/home.ts';
import { openStack } from '../local/open-stack.ts';
import { DaemonsBefore } from './daemons.ts';
import { writeFleetFile } from './fleet-file.ts';
import { runFleetFile, type FinishedFleet } from './fleet-run.ts';
import type { DemoOptions } from './options.ts';
import { readOutcomes, totalsOf } from './outcomes.ts';
import { prepareRepositories, type DemoRepository } from './repositories.ts';
import { writeReport } from './report.ts';
import { prepareSandbox } from './sandbox.ts';
import { endingText, outcomeTable } from './table.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Scene {
  options: DemoOptions;
  config: Config;
  terminal: Terminal;
  isSimulated: boolean;
  /** The demo's own directory below the home. */
  directory: string;
  startedAtMs: number;
  interrupts: Interrupts;
}

/**
 * The whole demo; resolves with the exit code. Ctrl-C and SIGTERM end it between two steps, but while the fleet runs they
 * are for `muster run`. Throws `CommandFailure`, and an `Interrupt` when it was told to end.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  using interrupts = new Interrupts();
  try {
    return await play(options, interrupts);
  } catch (error) {
    // What is under way when it comes may fail of it.
    throw interrupts.reason ?? error;
  }
}

async function play(options: DemoOptions, interrupts: Interrupts): Promise<number> {
  const startedAtMs = Date.now();
  const isSimulated = options.isSimulated || openSettings().config.claude === undefined;
  const { config, terminal } = openSettings({ simulate: isSimulated });
  createHome(config.home);
  const scene = {
    options,
    config,
    terminal,
    isSimulated,
    directory: join(config.home, 'demo'),
    startedAtMs,
    interrupts,
  };
  introduce(scene);
  const repositories = await prepare(scene);
  const labels = repositories.map(({ label }) => label);
  const sandboxed = await prepareSandbox(config, scene.directory);
  const noSandbox = typeof sandboxed === 'string' ? sandboxed : undefined;
  if (noSandbox !== undefined) terminal.say(`nothing is verified in a sandbox: ${noSandbox}`);
  const file = await writeFleetFile(
    scene.directory,
    labels,
    typeof sandboxed === 'string' ? undefined : sandboxed.command,
  );
  await agree(file, scene);
  const daemons = new DaemonsBefore(config.home);
  let ownFleet: string | undefined;
  try {
    interrupts.signal.throwIfAborted();
    const working = typeof sandboxed === 'string' ? scene : { ...scene, config: sandboxed.config };
    const { stack, code, fleet } = await work(file, working);
    await using store = stack;
    ownFleet = fleet?.id;
    return fleet ? await report(repositories, fleet, code, store, { ...scene, noSandbox }) : code;
  } finally {
    const closing = new Interrupts(); // one more Ctrl-C must not leave half of them
    // A fleet that was left to itself by Ctrl-C counts as somebody else's: it keeps what it needs.
    await daemons
      .endNew((line) => terminal.say(line), ownFleet)
      .then(() => daemons.putBack(config, (line) => terminal.say(line)))
      .finally(() => closing[Symbol.dispose]());
  }
}

function introduce({ terminal, isSimulated, options }: Scene): void {
  const { bold, yellow } = terminal.talkPaint;
  terminal.say(bold('A fleet finds deprecated Node APIs in installed packages and migrates what is safe to migrate.'));
  if (!isSimulated) return;
  const why = options.isSimulated ? 'as you asked' : 'for ANTHROPIC_API_KEY is not set';
  terminal.say(yellow(`Simulated Claude, ${why}: a script with the real tools. Nothing is spent.`));
}

async function prepare({ options, directory, terminal, interrupts }: Scene): Promise<DemoRepository[]> {
  let saidAtMs = Date.now();
  const { repositories, built } = await prepareRepositories({
    modules: join(ROOT, 'node_modules'),
    directory,
    count: options.repositories,
    isFresh: options.isFresh,
    signal: interrupts.signal,
    onProgress: (done, total) => {
      if (Date.now() - saidAtMs < 1_500) return;
      saidAtMs = Date.now();
      terminal.say(`repositories: ${done} of ${total}`);
    },
  });
  const size = bytes(repositories.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0));
  const how = built === 0 ? 'made before' : built === repositories.length ? 'made now' : `${built} made now`;
  terminal.say(`${repositories.length} repositories, ${how}, ${size} of source: ${shown(directory)}`);
  return repositories;
}

/** Says what it comes to and asks, when it costs money. Throws `CommandFailure` 2 when it may not go on. */
async function agree(file: string, { isSimulated, terminal, config, options }: Scene): Promise<void> {
  const plan = await loadPlan(file, {}, config);
  for (const warning of plan.warnings) terminal.say(`warning: ${warning}`);
  if (isSimulated) return;
  terminal.say(`Real Claude: ${spendingText(plan)}.`);
  if (options.isAgreed) return;
  const free = 'npm start -- --simulate costs nothing';
  if (!terminal.isInteractive)
    throw new CommandFailure(EXIT.usage, 'this costs money, and nobody is there to be asked: give --yes', free);
  if (!(await askYesNo('Spend it?'))) throw new CommandFailure(EXIT.usage, 'not started', free, 'declined');
}

/** Server and worker first, so that what they lack is said in words; then the fleet, as a user would run it. */
async function work(file: string, { config, terminal, isSimulated, options, interrupts }: Scene) {
  const stack = await openStack(config, { onProgress: (line) => terminal.say(line) });
  try {
    await stack.ensureWorker(requireClaude(config));
    interrupts.signal.throwIfAborted();
    terminal.say(`muster run ${shown(file)}${isSimulated ? ' --simulate' : ''}`);
    interrupts[Symbol.dispose]();
    return { stack, ...(await runFleetFile(file, { config, isSimulated, isFresh: options.isFresh })) };
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

async function report(
  repositories: readonly DemoRepository[],
  fleet: FinishedFleet,
  code: number,
  { store }: Pick<Awaited<ReturnType<typeof openStack>>, 'store'>,
  { directory, terminal, startedAtMs, noSandbox }: Scene & { noSandbox: string | undefined },
): Promise<number> {
  using interrupts = new Interrupts();
  const changed = fleet.results.filter(({ changes }) => changes);
  const count = changed.reduce((sum, { changes }) => sum + (changes?.files.length ?? 0), 0);
  if (count > 0) terminal.say(`parsing ${count} changed files of ${changed.length} repositories with node --check`);
  const outcomes = await readOutcomes(repositories, fleet.results, { store, directory, signal: interrupts.signal });
  // Elsewhere npx would look for a package of that name.
  const command = relative(ROOT, process.cwd()) === '' ? 'npx muster' : join(ROOT, 'bin', 'muster.js');
  const files = await writeReport(directory, fleet, outcomes, { command, noSandbox });
  const options = {
    durationMs: Date.now() - startedAtMs,
    report: shown(files.report),
    raw: shown(files.raw),
    command,
    noSandbox,
  };
  const { paint } = terminal;
  terminal.data(`\n${outcomeTable(outcomes, paint)}\n\n${endingText(fleet, outcomes, options, paint)}\n`);
  return code === EXIT.done && totalsOf(outcomes).broken > 0 ? EXIT.incomplete : code;
}

/** A path as one would type it here. */
function shown(path: string): string {
  const here = relative(process.cwd(), path);
  return here.startsWith('..') ? path : here;
}
