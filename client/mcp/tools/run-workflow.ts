import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet, FleetSource, StartOptions } from '../../library/library.ts';
import { InvalidFleet } from '../../spec/plan.ts';
import { followFleet } from '../follow-fleet.ts';
import type { RunWorkflow } from '../inputs.ts';
import type { FleetReport } from '../report.ts';
import { ToolFailure } from '../tool-failure.ts';
import type { Call, Workshop } from '../tool.ts';
import { fileWithin, isSimulated, startOptions } from './start-options.ts';

export const DESCRIPTION = `Runs what decides by itself which subagents come next, as one durable fleet: a fleet file (\`file\`, with \`params\`), a workflow script of Claude Code (\`file\`, or its text as \`script\`, with \`args\`), or a Claude that spawns subagents and reports (\`prompt\`). Give exactly one of the three.
Waits for its end or until timeout_s is up; \`result\` is what the script returned or the Claude said last. A fleet that waits for an approval answers with what is asked.`;

const SCRIPT = /\.[cm]?[jt]s$/;

/** Starts a fleet file, a script or a parent Claude and stays with it as long as was asked. */
export async function runWorkflow(input: RunWorkflow, call: Call, shop: Workshop): Promise<FleetReport> {
  checkParts(input);
  const { allow, deny, wait = true, timeout_s, limit } = input;
  const notes: string[] = [];
  const asked = { isSimulated: isSimulated(input, shop), isModest: () => false, notes };
  const options: StartOptions = {
    ...startOptions(input, asked, call, shop),
    ...(allow && { allow }),
    ...(deny && { deny }),
  };
  const fleet = await start(input, options, shop, asked.isSimulated);
  const timeoutMs = timeout_s === undefined ? shop.limits.waitMs : timeout_s * 1_000;
  return followFleet(fleet, { need: wait ? Infinity : 0, timeoutMs, limit, notes }, call, shop);
}

function checkParts({ file, script, prompt, args, params, allow, deny }: RunWorkflow): void {
  const given = Object.entries({ file, script, prompt }).filter(([, value]) => value !== undefined);
  const refuse = (message: string, hint: string): never => {
    throw new ToolFailure('usage', message, hint);
  };
  if (given.length !== 1)
    refuse(`${given.length} of \`file\`, \`script\` and \`prompt\` are given`, 'give exactly one');
  const isScript = script !== undefined || (file !== undefined && !/\.(ya?ml|json)$/i.test(file));
  if (args !== undefined && !isScript) refuse('`args` are of a script', 'a fleet file has `params`');
  if (params && (isScript || prompt !== undefined)) refuse('`params` are of a fleet file', 'a script has `args`');
  if ((allow ?? deny) && !isScript && prompt === undefined)
    refuse('`allow` and `deny` are of a script or a prompt', "a fleet file says it in its tasks' `permissions`");
}

async function start(
  { file, script, prompt, args, params, name }: RunWorkflow,
  options: StartOptions,
  { door, limits }: Workshop,
  isSimulated: boolean,
): Promise<Fleet> {
  const muster = await door.muster(isSimulated);
  const named = { ...(args !== undefined && { args }), ...(name !== undefined && { name }) };
  if (prompt !== undefined) return muster.start({ prompt, ...(name !== undefined && { name }) }, options);
  if (script !== undefined) return asFile(script, (path) => muster.start({ script: path, ...named }, options));
  const path = await fileWithin(file!, limits);
  const source: FleetSource = SCRIPT.test(path) ? { script: path, ...named } : { file: path, ...texts(params) };
  return muster.start(source, options);
}

const texts = (params: RunWorkflow['params']): { params?: Record<string, string> } =>
  params ? { params: Object.fromEntries(Object.entries(params).map(([key, value]) => [key, String(value)])) } : {};

/** The library reads scripts from files; once the fleet stands, its text is in the store. Faults name it `script`. */
async function asFile<T>(text: string, work: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-script-'));
  const path = join(directory, 'script.js');
  try {
    await writeFile(path, text);
    return await work(path);
  } catch (error) {
    if (!(error instanceof InvalidFleet)) throw error;
    throw new InvalidFleet(
      error.faults.map((fault) => ({ ...fault, file: fault.file === path ? 'script' : fault.file })),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
