import { runEligible } from '../spec/eligible.ts';
import type { FleetPlan, PlannedScript, PlannedTask } from '../spec/plan.ts';
import { planWaves } from '../spec/wave-plan.ts';
import type { PlanFlags } from './commands/validate.ts';
import { oneLine, plural, table } from './figures.ts';
import { loadPlan } from './load-plan.ts';
import { openSettings } from './session.ts';

/** `muster validate`: throws `InvalidFleet` with all faults; nothing is run, not even `eligible`. */
export async function validate(file: string, flags: PlanFlags): Promise<void> {
  const { config, terminal } = openSettings();
  const plan = await loadPlan(file, flags, config);
  for (const warning of plan.warnings) terminal.say(`warning: ${warning}`);
  const { name, warnings, tasks, script } = plan;
  if (flags.outputFormat === 'json') {
    const { description, whenToUse, phases = [] } = script?.meta ?? {};
    const read = script ? { kind: 'script', name, description, whenToUse, phases } : { name, count: tasks.length };
    return terminal.data(`${JSON.stringify({ ok: true, ...read, warnings })}\n`);
  }
  const what = script ? oneLine(script.meta.description) : plural(tasks.length, 'subagent');
  terminal.data(`${file} is valid: ${oneLine(name)}, ${what}\n`);
  if (script?.meta.phases?.length) terminal.data(`${phaseLines(script.meta.phases)}\n`);
}

function phaseLines(phases: NonNullable<PlannedScript['meta']['phases']>): string {
  return table(
    phases.map(({ title, detail, model }, i) => [
      `  ${i + 1}. ${oneLine(title)}`,
      oneLine([detail, model].filter(Boolean).join(', ')),
    ]),
  );
}

/** `muster targets`: one line a target on stdout, with its wave; those that are not eligible are marked. */
export async function listTargets(file: string, flags: PlanFlags): Promise<void> {
  const { config, terminal } = openSettings();
  const plan = await runEligible(await loadPlan(file, flags, config));
  const waves = planWaves(plan);
  for (const warning of [...plan.warnings, ...(waves?.warnings ?? [])]) terminal.say(`warning: ${warning}`);
  if (flags.outputFormat === 'json')
    return terminal.data(`${JSON.stringify(targetsOf(plan, waves?.waves), null, 2)}\n`);
  if (plan.script) {
    terminal.say(`${file} is a workflow script and has no targets: it decides while it runs`);
    return;
  }
  const rows = plan.tasks.map((task, i) => {
    const wave = waves?.waves[i] ? `wave ${waves.waves[i]}` : '';
    return [oneLine(task.label), place(task), task.isEligible ? wave : 'not eligible'];
  });
  if (rows.length > 0) terminal.data(`${table(rows)}\n`);
  const eligible = plan.tasks.filter(({ isEligible }) => isEligible).length;
  const inWaves = waves ? `, in ${plural(waves.rollout.waves, 'wave')}` : '';
  terminal.say(`${plural(plan.tasks.length, 'target')}, ${eligible} eligible${inWaves}`);
}

function targetsOf({ tasks }: FleetPlan, waves: readonly number[] | undefined): object[] {
  return tasks.map(({ label, workspace, isEligible: eligible }, i) => {
    const wave = waves?.[i] || undefined;
    return { label, ...workspace, eligible, ...(wave && { wave }) };
  });
}

function place({ workspace }: PlannedTask): string {
  if ('directory' in workspace) return workspace.directory;
  return workspace.ref === undefined ? workspace.url : `${workspace.url}#${workspace.ref}`;
}
