import { describe, expect, it } from 'vitest';
import type { FleetChange } from '../../../client/fleet-client/news.ts';
import { beginning } from '../../../client/fleet-client/watch-cursor.ts';
import { EventTeller } from '../../../client/library/event-teller.ts';
import { emptyCensus } from '../../../workflows/contract/statuses.ts';
import type { FleetStatus } from '../../../workflows/contract/messages.ts';
import { result } from '../cli/formats/some-report.ts';

const fleet = { id: 'f', name: 'demo' };

function status(more: Partial<FleetStatus> = {}): FleetChange {
  const stands = { waiting: 0, queued: 0, running: 3, parked: 0, generation: 1, concurrency: 50, count: 3 };
  const money = { budgetMicroUsd: null, spentMicroUsd: 0, startedAtMs: 0 };
  const whole = { v: 1 as const, ...fleet, census: emptyCensus(), ...stands, ...money };
  return { kind: 'status', status: { ...whole, state: 'running', ...more } };
}
const ended = (index: number, attempts = 1): FleetChange => {
  const one = { ...result(`s${index}`, 'completed'), attempts };
  return { kind: 'ended', index, generation: 1, label: `s${index}`, result: one };
};
const started = (index: number): FleetChange => {
  return { kind: 'started', index, generation: 1, label: `s${index}`, startedAtMs: 0 };
};

const words = (teller: EventTeller, ...changes: FleetChange[]): string[] =>
  changes.flatMap((change) =>
    [...teller.tell(change)].map((told) => ('label' in told ? `${told.type} ${told.label}` : told.type)),
  );

describe('EventTeller', () => {
  it('tells a start once, and before the end also where only the end was seen', () => {
    const teller = new EventTeller(fleet, beginning());
    expect(words(teller, started(0), started(0), ended(0), ended(1))).toEqual([
      'subagent_started s0',
      'subagent_ended s0',
      'subagent_started s1',
      'subagent_ended s1',
    ]);
  });

  it('tells no start of one that never ran', () => {
    expect(words(new EventTeller(fleet, beginning()), ended(0, 0))).toEqual(['subagent_ended s0']);
  });

  it('has not told an end while it tells the start that comes before it', () => {
    const position = beginning();
    position.ended.add(4, 1); // as a watch does before it hands over the change
    const events = new EventTeller(fleet, position).tell(ended(4));
    expect(events.next().value).toMatchObject({ type: 'subagent_started' });
    expect(position.ended.has(4, 1)).toBe(false);
    expect(events.next().value).toMatchObject({ type: 'subagent_ended' });
    expect(position.ended.has(4, 1)).toBe(true);
  });

  it('tells a state that is another than before, and what is asked anew', () => {
    const teller = new EventTeller(fleet, beginning());
    const approval = { kind: 'gate' as const, title: 'wave 2', hash: 'a' };
    const asks = (hash: string): FleetChange =>
      status({ state: 'paused', reason: 'approval', approvals: [{ ...approval, hash }] });
    expect(words(teller, status(), status({ running: 2 }), asks('a'), asks('a'), asks('b'), status())).toEqual([
      'state_changed',
      'state_changed',
      'state_changed',
    ]);
    expect(words(teller, status({ state: 'completed' }), status({ state: 'completed' }))).toEqual(['fleet_ended']);
  });

  it("tells a script's lines and phases", () => {
    const [log, phase] = [
      ...new EventTeller(fleet, beginning()).tell({ kind: 'log', what: 'log', text: 'three found' }),
      ...new EventTeller(fleet, beginning()).tell({ kind: 'log', what: 'phase', text: 'Scan' }),
    ];
    expect(log).toEqual({ type: 'log', level: 'info', message: 'three found' });
    expect(phase).toEqual({ type: 'log', level: 'info', message: 'phase: Scan', phase: 'Scan' });
  });

  it('begins once over all that go on from its cursor', () => {
    const position = beginning();
    expect([...new EventTeller(fleet, position).begin()]).toHaveLength(1);
    position.seq = 1;
    expect([...new EventTeller(fleet, position).begin()]).toHaveLength(0);
  });
});
