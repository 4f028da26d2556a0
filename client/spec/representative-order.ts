import { hash } from 'node:crypto';
import { afterPrerequisites } from './after-prerequisites.ts';
import type { PlannedTask } from './plan.ts';
import { targetTraits, type TargetTraits } from './target-traits.ts';

/** What of a task its place in the order depends on. */
export type PlannedTarget = Pick<PlannedTask, 'label' | 'workspace' | 'isEligible' | 'dependsOn'>;

/**
 * Indexes of all eligible tasks such that any number of the first represent all: prerequisites before those that wait
 * for them, everything else by its place in its stratum.
 */
export function representativeOrder(tasks: readonly PlannedTarget[]): number[] {
  const eligible = [...tasks.keys()].filter((index) => tasks[index]!.isEligible);
  const traits = targetTraits(eligible.map((index) => tasks[index]!));
  const strata = stratify(eligible, traits);
  const seeds: string[] = [];
  for (const index of eligible) seeds[index] = hash('sha256', tasks[index]!.label);
  const ranked = coverageFirst(strata).flatMap(({ members }) =>
    members
      .toSorted((a, b) => (seeds[a]! < seeds[b]! ? -1 : 1))
      // The first of each comes in the order of coverage; then Sainte-Laguë's divisors keep every prefix in proportion.
      .map((index, nth) => ({ index, quotient: nth === 0 ? 0 : (2 * nth + 1) / members.length })),
  );
  ranked.sort((a, b) => a.quotient - b.quotient);
  return afterPrerequisites(
    ranked.map(({ index }) => index),
    tasks,
  );
}

interface Stratum {
  traits: TargetTraits;
  members: number[];
}

/** Most values of a trait that are told apart; rarer ones are one. */
const MOST_VALUES = { owner: 20, language: 10, size: 6 } as const;
const TRAITS = ['owner', 'language', 'size'] as const;

function stratify(indexes: readonly number[], traits: readonly TargetTraits[]): Stratum[] {
  const kept = {
    owner: commonest(traits, 'owner'),
    language: commonest(traits, 'language'),
    size: commonest(traits, 'size'),
  };
  const strata = new Map<string, Stratum>();
  indexes.forEach((index, i) => {
    const own = { ...traits[i]! };
    for (const trait of TRAITS) if (!kept[trait].has(own[trait])) own[trait] = 'other';
    const key = TRAITS.map((trait) => own[trait]).join('\n');
    const stratum = strata.get(key);
    if (stratum) stratum.members.push(index);
    else strata.set(key, { traits: own, members: [index] });
  });
  // In an order of their own, so that the order of the tasks means nothing.
  return [...strata].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stratum]) => stratum);
}

function commonest(traits: readonly TargetTraits[], trait: keyof TargetTraits): Set<string> {
  const counts = new Map<string, number>();
  for (const { [trait]: value } of traits) counts.set(value, (counts.get(value) ?? 0) + 1);
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return new Set(sorted.slice(0, MOST_VALUES[trait]).map(([value]) => value));
}

/** Next comes whoever shows most that no earlier one has shown, weighed by how many targets have it; else the largest. */
function coverageFirst(strata: readonly Stratum[]): Stratum[] {
  const weights = new Map<string, number>();
  const names = strata.map(({ traits, members }) => {
    const own = TRAITS.map((trait) => `${trait} ${traits[trait]}`);
    for (const name of own) weights.set(name, (weights.get(name) ?? 0) + members.length);
    return own;
  });
  const left = strata.map((stratum, i) => ({ stratum, names: names[i]! }));
  const shown = new Set<string>();
  const order: Stratum[] = [];
  while (left.length > 0) {
    let best = 0;
    let most = -1;
    left.forEach(({ stratum, names: own }, i) => {
      const isNew = own.filter((name) => !shown.has(name));
      // A stratum has less weight than anything it shows: size decides between those that show the same.
      const gain = isNew.reduce((sum, name) => sum + weights.get(name)!, 0) + stratum.members.length / 1e6;
      if (gain > most) [best, most] = [i, gain];
    });
    const [next] = left.splice(best, 1);
    for (const name of next!.names) shown.add(name);
    order.push(next!.stratum);
  }
  return order;
}
