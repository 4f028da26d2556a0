import type { ScriptExchange, SpawnAnswer } from '../../workflows/contract/spawn.schema.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import type { ScriptRef } from '../../workflows/contract/units.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';
import type { Spawning } from '../spawn/spawning.ts';
import type { Told } from './session.ts';

/** Results read at a time. */
const AT_ONCE = 16;

export interface TellingParts {
  records: Pick<FleetRecords, 'newestResult' | 'subagent'>;
  spawning: Pick<Spawning, 'answer'>;
}

type Of = Pick<ScriptRef, 'fleetId' | 'generation'>;
type Words = Pick<
  ScriptExchange,
  'ended' | 'generations' | 'decided' | 'spentMicroUsd' | 'budgetMicroUsd' | 'outputMicroUsd'
>;

/**
 * What a script is told in an exchange, results included. `words` of the journal name the generation of each result, so
 * that it hears the same again; without, it hears the newest. `isAsked`: the exchange before asked for something. Throws
 * where the store does not have yet what the root has promised.
 */
export async function tell(
  { records, spawning }: TellingParts,
  of: Of,
  exchange: number,
  words: Words & { isFirst: boolean },
  isAsked: boolean,
): Promise<{ told: Told; generations: [index: number, generation: number][] }> {
  const { fleetId } = of;
  const known = new Map(words.generations);
  const results: { index: number; result: Result; generation: number }[] = [];
  const read = async (index: number): Promise<(typeof results)[number]> => {
    const generation = known.get(index) ?? 1;
    const found = words.isFirst
      ? await records.newestResult(fleetId, index)
      : { generation, result: (await records.subagent(fleetId, index, generation))?.record.result };
    if (!found?.result) throw new Error(`subagent ${index.toString()} has ended and left no result yet`);
    return { index, result: found.result, generation: found.generation };
  };
  for (let i = 0; i < words.ended.length; i += AT_ONCE)
    results.push(...(await Promise.all(words.ended.slice(i, i + AT_ONCE).map(read))));
  return {
    told: {
      exchange,
      ended: results.map(({ index, result }) => ({ index, result })),
      decided: words.decided,
      budget: budgetOf(words),
      answer: isAsked ? await answerTo(spawning, of, exchange - 1) : undefined,
    },
    generations: results
      .filter(({ generation }) => generation !== 1)
      .map(({ index, generation }) => [index, generation]),
  };
}

async function answerTo({ answer }: Pick<Spawning, 'answer'>, of: Of, seq: number): Promise<SpawnAnswer> {
  const found = await answer({ ...of, spawner: 'script', seq });
  if (found) return found;
  throw new Error(`the request of exchange ${seq.toString()} is not answered yet`);
}

/** Money as output tokens of the script's model: Claude Code counts in those. */
function budgetOf({ spentMicroUsd, budgetMicroUsd, outputMicroUsd = 0 }: Words): Told['budget'] {
  if (outputMicroUsd <= 0) return { total: null, spent: 0 };
  const tokens = (microUsd: number): number => Math.floor((microUsd * 1_000_000) / outputMicroUsd);
  return { total: budgetMicroUsd === null ? null : tokens(budgetMicroUsd), spent: tokens(spentMicroUsd) };
}
