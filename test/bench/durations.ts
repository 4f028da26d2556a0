import { drawLatencyMs, readLatency } from '../../client/simulated/direction.ts';
import { seededRandom } from '../../client/simulated/random.ts';
import type { FleetOf } from './bench-fleet.ts';

/** What the simulated Claude draws for each subagent of a bench fleet, summed over its turns: milliseconds, in task order. */
export function durationsOf({ count, turns, latency }: FleetOf): number[] {
  const [text = '', sigma] = latency.split(' sigma=');
  const drawn = readLatency(text, Number(sigma ?? 0));
  return Array.from({ length: count }, (_, agent) => {
    let sum = 0;
    for (let turn = 1; turn <= turns; turn++) sum += drawLatencyMs(drawn, seededRandom(seedOf(agent, turn)));
    return sum;
  });
}

/** As `client/simulated/messages.ts` seeds a call whose directive names a seed. */
function seedOf(agent: number, turn: number): string {
  return `/a${agent.toString()}/${turn.toString()}/latency`;
}
