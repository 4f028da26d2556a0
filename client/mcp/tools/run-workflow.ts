import type { FleetSource, StartOptions } from '../../library/library.ts';
import { isScriptText } from '../../spec/script-source.ts';
import { followFleet } from '../follow-fleet.ts';
import type { RunWorkflow } from '../inputs.ts';
import type { FleetReport } from '../report.ts';
import type { ServerLimits } from '../server-limits.ts';
import { ToolFailure } from '../tool-failure.ts';
import type { Call, Workshop } from '../tool.ts';
import { fileWithin, isSimulated, startOptions } from './start-options.ts';

export const DESCRIPTION = `Runs what decides by itself which subagents come next, as one durable fleet: a fleet file (\`file\`, with \`params\`), a workflow script of Claude Code (\`file\`, or its text as \`script\`, with \`args\`), or a Claude that spawns subagents and reports (\`prompt\`). Give exactly one of the three.
Waits for its end or until timeout_s is up; \`result\` is what the script returned or the Claude said last. A fleet that waits for an approval answers with what is asked.`;

const FLEET_FILE = /\.(ya?ml|json)$/i;

/** Starts a fleet file, a script or a parent Claude and stays with it as long as was asked. */
export async function runWorkflow(input: RunWorkflow, call: Call, shop: Workshop): Promise<FleetReport> {
  const source = await sourceOf(input, shop.limits);
  const { allow, deny, wait = true, timeout_s, limit } = input;
  const notes: string[] = [];
  const asked = { isSimulated: isSimulated(input, shop), isModest: () => false, notes };
  const options: StartOptions = {
    ...startOptions(input, asked, call, shop),
    ...(allow && { allow }),
    ...(deny && { deny }),
  };
  const muster = await shop.door.muster(asked.isSimulated);
  const fleet = await muster.start(source, options);
  const timeoutMs = timeout_s === undefined ? shop.limits.waitMs : timeout_s * 1_000;
  return followFleet(fleet, { need: wait ? Infinity : 0, timeoutMs, limit, notes }, call, shop);
}

/** Exactly one of the three, and nothing that belongs to another of them. */
async function sourceOf(input: RunWorkflow, limits: ServerLimits): Promise<FleetSource> {
  const { file, script, prompt, args, params, name } = input;
  const given = Object.entries({ file, script, prompt }).filter(([, value]) => value !== undefined);
  if (given.length !== 1)
    refuse(`${given.length} of \`file\`, \`script\` and \`prompt\` are given`, 'give exactly one');
  const named = name === undefined ? {} : { name };
  if (prompt !== undefined) {
    refuseOthers(input, ['args', 'params'], 'a prompt', 'put the data into the prompt');
    return { prompt, ...named };
  }
  if (file !== undefined && FLEET_FILE.test(file)) {
    refuseOthers(
      input,
      ['args', 'allow', 'deny', 'name'],
      'a fleet file',
      'write it into the file, which has `params`',
    );
    const texts = Object.entries(params ?? {}).map(([key, value]) => [key, String(value)] as const);
    return { file: await fileWithin(file, limits), ...(params && { params: Object.fromEntries(texts) }) };
  }
  refuseOthers(input, ['params'], 'a script', 'give `args`');
  if (script !== undefined && !isScriptText(script))
    refuse('`script` does not begin with `export const meta = {…}`', 'give the whole text of a workflow script');
  return { script: script ?? (await fileWithin(file!, limits)), ...(args !== undefined && { args }), ...named };
}

function refuseOthers(input: RunWorkflow, keys: readonly (keyof RunWorkflow)[], what: string, hint: string): void {
  const wrong = keys.filter((key) => input[key] !== undefined).map((key) => `\`${key}\``);
  if (wrong.length > 0) refuse(`${what} has no ${wrong.join(', ')}`, hint);
}

function refuse(message: string, hint: string): never {
  throw new ToolFailure('usage', message, hint);
}
