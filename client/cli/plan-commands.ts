import { runEligible } from '../spec/eligible.ts';
import type { PlannedTask } from '../spec/plan.ts';
import type { PlanFlags } from './commands/validate.ts';
import { oneLine, plural, table } from './figures.ts';
import { loadPlan } from './load-plan.ts';
import { openSettings } from './session.ts';

/** `muster validate`: throws `InvalidFleet` with all faults; nothing is run, not even `eligible`. */
export async function validate(file: string, flags: PlanFlags): Promise<void> {
  const { config, terminal } = openSettings();
  const plan = await loadPlan(file, flags, config);
  for (const warning of plan.warnings) terminal.say(`warning: ${warning}`);
  const { name, warnings, tasks } = plan;
  if (flags.outputFormat === 'json')
    terminal.data(`${JSON.stringify({ ok: true, name, count: tasks.length, warnings })}\n`);
  else terminal.data(`${file} is valid: ${oneLine(name)}, ${plural(tasks.length, 'subagent')}\n`);
}

/** `muster targets`: one line a target on stdout; those that are not eligible are marked. */
export async function listTargets(file: string, flags: PlanFlags): Promise<void> {
  const { config, terminal } = openSettings();
  const plan = await runEligible(await loadPlan(file, flags, config));
  for (const warning of plan.warnings) terminal.say(`warning: ${warning}`);
  if (flags.outputFormat === 'json') {
    const targets = plan.tasks.map(({ label, workspace, isEligible: eligible }) => ({ label, ...workspace, eligible }));
    return terminal.data(`${JSON.stringify(targets, null, 2)}\n`);
  }
  const rows = plan.tasks.map((task) => [oneLine(task.label), place(task), task.isEligible ? '' : 'not eligible']);
  if (rows.length > 0) terminal.data(`${table(rows)}\n`);
  const eligible = plan.tasks.filter(({ isEligible }) => isEligible).length;
  terminal.say(`${plural(plan.tasks.length, 'target')}, ${eligible} eligible`);
}

function place({ workspace }: PlannedTask): string {
  if ('directory' in workspace) return workspace.directory;
  return workspace.ref === undefined ? workspace.url : `${workspace.url}#${workspace.ref}`;
}
