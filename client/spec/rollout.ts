import type { Gate } from '../../workflows/contract/units.ts';
import type { FaultList } from './fault-list.ts';
import { parseMicroUsd } from './money.ts';
import type { PlannedRollout, PlannedTask } from './plan.ts';
import type { RolloutShape } from './rollout-shape.ts';
import type { FleetHead } from './shapes.ts';
import type { WaveReach } from './waves.ts';

const ALL: WaveReach = { share: 1 };
const GATE_KEYS = ['minCompleted', 'minVerified', 'maxCostPerTarget', 'approval'] as const;

/** The share of a text such as "30%", or of a number. */
export const shareOf = (share: string | number): number =>
  typeof share === 'string' ? Number(share.slice(0, -1)) / 100 : share;

/**
 * The waves a fleet file asks for; undefined: none. Waves that do not grow, a gate that says nothing, has nothing behind
 * it or can never open are faults.
 */
export function readRollout(
  { rollout, scout }: Pick<FleetHead, 'rollout' | 'scout'>,
  tasks: readonly Pick<PlannedTask, 'verify'>[],
  { faults, warnings }: { faults: FaultList; warnings: string[] },
): PlannedRollout | undefined {
  if (rollout === undefined && scout === undefined) return undefined;
  const asked = readReaches(rollout, scout, faults);
  if (!asked) return undefined;
  const hasFaults = faults.faults.length > 0; // then tasks may be missing, and with them their verifications
  const reaches = readAll(asked, tasks.length, warnings);
  const gate = rollout?.gate && readGate(rollout.gate, faults);
  const at = faults.at(['rollout', 'gate', 'minVerified']);
  if (gate && reaches.length === 1)
    faults.addKey(['rollout', 'gate'], 'the gate has no wave behind it', 'write waves: [5, 100%], or remove the gate');
  const { stopOnFailureRate: rate } = rollout ?? {};
  const planned = { reaches, gate: gate ?? null, stopOnFailureRate: rate === undefined ? null : shareOf(rate), at };
  const problem = gateProblem(planned, tasks);
  if (problem && !hasFaults) faults.add(['rollout', 'gate', 'minVerified'], problem.message, problem.hint);
  return planned;
}

/** Why too few of these tasks can ever be verified for the gate to open. */
export function gateProblem(
  { gate }: Pick<PlannedRollout, 'gate'>,
  tasks: readonly Pick<PlannedTask, 'verify'>[],
): { message: string; hint: string } | undefined {
  const { minVerified = 0 } = gate ?? {};
  const verifiable = tasks.filter(({ verify }) => verify?.length).length;
  if (verifiable >= minVerified * tasks.length - 1e-9) return undefined;
  const message = `the gate can never open: ${verifiable} of ${tasks.length} tasks before it have \`verify\`, which is less than ${percent(minVerified)}`;
  return { message, hint: 'write `verify: [{name: tests, run: npm test}]` for the tasks, or remove `minVerified`' };
}

export const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;

function readReaches(
  rollout: RolloutShape | undefined,
  scout: number | undefined,
  faults: FaultList,
): WaveReach[] | undefined {
  const scouts = scout ?? rollout?.scout;
  const { waves } = rollout ?? {};
  if (scout !== undefined && rollout?.scout !== undefined)
    faults.addKey(['scout'], '`scout` is given twice', 'remove one of them');
  if (scouts !== undefined && waves) {
    const path = scout === undefined ? ['rollout', 'scout'] : ['scout'];
    faults.addKey(path, '`scout` and `waves` exclude each other', `keep \`waves\`, whose first may be ${scouts}`);
  } else if (scouts !== undefined) return [scouts, ALL];
  else if (!waves) faults.addKey(['rollout'], '`rollout` has no waves', 'write waves: [5, 10%, 100%], or scout: 5');
  if (!waves) return undefined;
  const reaches = waves.map((wave) => (typeof wave === 'number' ? wave : { share: shareOf(wave) }));
  checkGrowth(reaches, faults);
  return reaches;
}

/** Numbers among numbers and shares among shares: how a number compares with a share depends on the targets. */
function checkGrowth(reaches: readonly WaveReach[], faults: FaultList): void {
  const most = { number: 0, share: 0 };
  for (const [i, reach] of reaches.entries()) {
    const [kind, size] = typeof reach === 'number' ? (['number', reach] as const) : (['share', reach.share] as const);
    if (size <= most[kind]) {
      const shown = kind === 'number' ? size : percent(size);
      const hint = 'write waves that grow: each counts from the first target, as in [5, 10%, 100%]';
      faults.add(['rollout', 'waves', i], `the wave ${shown} reaches no further than one before it`, hint);
    } else if (most.share === 1) {
      const hint = 'remove it';
      faults.add(['rollout', 'waves', i], 'nothing is left for this wave: 100 % comes before it', hint);
    }
    most[kind] = Math.max(most[kind], size);
  }
}

function readAll(reaches: WaveReach[], tasks: number, warnings: string[]): WaveReach[] {
  const last = reaches.at(-1)!;
  if (typeof last === 'object' && last.share === 1) return reaches;
  if (typeof last === 'object' || last < tasks)
    warnings.push('`rollout.waves` ends before 100 %: a last wave for all the rest was added');
  return [...reaches, ALL];
}

function readGate(shape: NonNullable<RolloutShape['gate']>, faults: FaultList): Gate | undefined {
  const { minCompleted, minVerified, maxCostPerTarget, approval } = shape;
  const cost = maxCostPerTarget === undefined ? undefined : parseMicroUsd(maxCostPerTarget);
  if (maxCostPerTarget !== undefined && cost === undefined) {
    const hint = 'write an amount of US dollars above 0 such as 2.50';
    faults.add(['rollout', 'gate', 'maxCostPerTarget'], `\`maxCostPerTarget\` is ${maxCostPerTarget}`, hint);
  }
  if (GATE_KEYS.every((key) => !shape[key])) {
    faults.add(['rollout', 'gate'], 'the gate asks for nothing', 'write {minVerified: 0.9} or {approval: true}');
    return undefined;
  }
  return {
    ...(minCompleted !== undefined && { minCompleted: shareOf(minCompleted) }),
    ...(minVerified !== undefined && { minVerified: shareOf(minVerified) }),
    ...(cost !== undefined && { maxCostPerTargetMicroUsd: cost }),
    ...(approval && { approval }),
  };
}
