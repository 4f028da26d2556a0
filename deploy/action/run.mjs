// The step of action.yml, on whatever Node the runner has. It starts a fleet, stays with it and says how it ended; the
// fleet itself runs where its workers are. No input is ever read by a shell.
import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { appendFileSync, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';

const FAIL_ON = ['any', 'threshold', 'never'];
/** Codes of muster (README): how a fleet stands, in contrast to what kept muster from its work. */
const EXIT = { done: 0, usage: 2, incomplete: 3, budget: 5, approval: 6, cancelled: 7, stillRunning: 8 };
const OF_A_FLEET = [EXIT.incomplete, EXIT.budget, EXIT.approval, EXIT.cancelled, EXIT.stillRunning];

class BadInput extends Error {}

const { env } = process;
const input = (name) => (env[`INPUT_${name.toUpperCase().replaceAll('-', '_')}`] ?? '').trim();

function choice(name, choices) {
  const value = input(name) || choices[0];
  if (choices.includes(value)) return value;
  throw new BadInput(`${name} is ${JSON.stringify(value)}: write ${choices.join(' or ')}`);
}

function readInputs() {
  const file = input('file');
  if (!file) throw new BadInput('file is missing: write the path of a fleet file');
  if (!existsSync(file)) throw new BadInput(`there is no file ${file}: check out the repository before this step`);
  const params = input('params')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const wrong = params.find((line) => line.indexOf('=') < 1);
  if (wrong !== undefined) throw new BadInput(`params: ${JSON.stringify(wrong)} is no KEY=VALUE`);
  return {
    ...{ file, params, failOn: choice('fail-on', FAIL_ON) },
    isWaiting: choice('wait', ['true', 'false']) === 'true',
    isDry: choice('dry-run', ['false', 'true']) === 'true',
    isSimulated: choice('simulate', ['false', 'true']) === 'true',
    key: input('idempotency-key') || defaultKey(file),
  };
}

/** A job that is run again meets its fleet again; another content of the file is another fleet. */
function defaultKey(file) {
  const hash = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16);
  return [env.GITHUB_REPOSITORY, env.GITHUB_WORKFLOW, env.GITHUB_RUN_ID, hash].join('/');
}

const flag = (name, value) => (value ? [`--${name}=${value}`] : []);

function planFlags({ params }) {
  return [
    ...params.flatMap((param) => ['-p', param]),
    ...['concurrency', 'budget', 'model'].flatMap((name) => flag(name, input(name))),
  ];
}

let running;
// Never SIGINT: a terminal sends that to muster as well, and two of them cancel the fleet.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => running?.kill('SIGTERM'));

/** Runs muster; `stdout`: 'inherit', 'text', or a path it is written to. Resolves with its code and what it said. */
async function muster(args, stdout, more = {}) {
  const server = input('server');
  const program = input('muster') || 'muster';
  const child = spawn(program, args, {
    stdio: ['ignore', stdout === 'inherit' ? 'inherit' : 'pipe', 'inherit'],
    env: { ...env, ...(server && { TEMPORAL_ADDRESS: server }), ...more },
  });
  running = child;
  let said = '';
  const [[code, signal]] = await Promise.all([
    once(child, 'close').catch((error) => {
      throw new BadInput(
        `${program} does not start (${error.code}): install muster before this step, or say where it is`,
      );
    }),
    stdout === 'text' && child.stdout.forEach((piece) => void (said += piece)),
    stdout !== 'text' && child.stdout && pipeline(child.stdout, createWriteStream(stdout)),
  ]);
  return { code: code ?? (signal === 'SIGINT' ? 130 : 143), said };
}

/** What a fleet prints may be anyone's words: meanwhile the runner takes no line for a command. */
async function unheard(work) {
  const token = randomUUID();
  console.log(`::stop-commands::${token}`);
  try {
    return await work();
  } finally {
    console.log(`::${token}::`);
  }
}

/** Values are of one line each: numbers, names without line breaks, JSON. */
function output(values) {
  const lines = Object.entries(values).map(([name, value]) => `${name}=${String(value).replace(/[\r\n]+/g, ' ')}\n`);
  if (env.GITHUB_OUTPUT) appendFileSync(env.GITHUB_OUTPUT, lines.join(''));
  else console.log(lines.join('').trimEnd());
}

const runUrl = () => `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}`;

async function dryRun({ file, params }) {
  const values = params.flatMap((param) => ['-p', param]);
  const { code } = await muster(['validate', file, ...values], 'inherit');
  if (code !== 0) return code;
  output({ status: 'valid' });
  return (await unheard(() => muster(['targets', file, ...values], 'inherit'))).code;
}

async function report(id) {
  const { code, said } = await muster(['status', id, '--output-format', 'json'], 'text');
  if (code !== 0) return undefined;
  const { name, status, reason, count, census, total_cost_usd, duration_ms } = JSON.parse(said);
  const { completed, skipped, ...others } = census;
  output({
    ...{ status, completed, failed: Object.values(others).reduce((sum, ended) => sum + ended, 0) },
    'cost-usd': total_cost_usd,
    'summary-json': JSON.stringify({ id, name, status, reason, count, census, total_cost_usd, duration_ms }),
  });
  for (const format of ['junit', 'sarif'])
    if (input(format)) await muster(['results', id, '--format', format], input(format));
  return status;
}

/** Whether the step fails, and how: by the words of `fail-on`. */
function codeOf(code, failOn, status) {
  if (failOn === 'never' && OF_A_FLEET.includes(code)) return EXIT.done;
  if (failOn === 'threshold' && code === EXIT.incomplete && status === 'completed') return EXIT.done;
  return code;
}

async function main() {
  const inputs = readInputs();
  if (inputs.isDry) return dryRun(inputs);
  const { file, key, isWaiting, isSimulated, failOn } = inputs;
  const args = ['run', file, ...planFlags(inputs), `--idempotency-key=${key}`, '--detach', '--no-input'];
  // The summary of a fleet that is waited for is written at its end.
  const quiet = isWaiting ? { GITHUB_STEP_SUMMARY: '' } : {};
  const started = await muster([...args, ...(isSimulated ? ['--simulate'] : [])], 'text', quiet);
  if (started.code !== 0) return started.code;
  const { id } = JSON.parse(started.said);
  output({ 'fleet-id': id, url: runUrl() });
  const timeout = flag('wait', input('timeout'));
  const ended = isWaiting
    ? await unheard(() => muster(['watch', id, ...timeout, '--no-input'], 'inherit'))
    : { code: EXIT.done };
  return codeOf(ended.code, failOn, await report(id));
}

try {
  process.exitCode = await main();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  console.log(`::error::${text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}`);
  process.exitCode = error instanceof BadInput ? EXIT.usage : 1;
}
