import { describe, expect, it } from 'vitest';
import { ChangeLines } from '../../../../client/cli/progress/change-lines.ts';
import type { FleetStatus } from '../../../../workflows/contract/messages.ts';
import { emptyCensus } from '../../../../workflows/contract/statuses.ts';
import { result } from '../formats/some-report.ts';

function status(completed: number, more: Partial<FleetStatus> = {}): FleetStatus {
  const stands = { waiting: 0, queued: 0, running: 3, parked: 0, generation: 1, concurrency: 50 };
  const money = { budgetMicroUsd: null, spentMicroUsd: 0, startedAtMs: 0 };
  const census = { ...emptyCensus(), completed };
  return { v: 1, id: 'f', name: 'demo', state: 'running', count: 1_000, census, ...stands, ...money, ...more };
}

describe('ChangeLines', () => {
  it('says counts every two seconds at most, and a new state at once', () => {
    const lines: string[] = [];
    const view = new ChangeLines((line) => lines.push(line));
    for (let second = 0; second <= 10; second++) view.apply({ kind: 'status', status: status(second) }, second * 1_000);
    expect(lines).toHaveLength(6);
    expect(lines[1]).toBe('f running · 2/1000 ended: 2 completed · 3 running · $0.00');
    view.apply({ kind: 'status', status: status(10, { state: 'paused', reason: 'budget_reached' }) }, 10_001);
    expect(lines.at(-1)).toContain('f paused (budget_reached)');
  });

  it("says a script's lines and phases at once, in one line each, and the wave with the state", () => {
    const lines: string[] = [];
    const view = new ChangeLines((line) => lines.push(line));
    view.apply({ kind: 'log', what: 'phase', text: 'Scan' }, 0);
    view.apply({ kind: 'log', what: 'log', text: 'three\nfound\u001b[2J' }, 0);
    view.apply({ kind: 'status', status: status(1, { wave: { open: 1, of: 3 } }) }, 0);
    view.apply({ kind: 'status', status: status(1, { wave: { open: 2, of: 3 } }) }, 1);
    expect(lines.slice(0, 2)).toEqual(['phase: Scan', 'three found [2J']);
    expect(lines.slice(2).map((line) => line.split(' · ')[0])).toEqual([
      'f running, wave 1 of 3',
      'f running, wave 2 of 3',
    ]);
  });

  it('says nothing while nothing changes', () => {
    const lines: string[] = [];
    const view = new ChangeLines((line) => lines.push(line));
    for (let second = 0; second <= 60; second++) view.apply({ kind: 'status', status: status(1) }, second * 1_000);
    expect(lines).toHaveLength(1);
  });

  it('has one line for each kind of failure, not one for each failure', () => {
    const lines: string[] = [];
    const view = new ChangeLines((line) => lines.push(line));
    for (let index = 0; index < 500; index++) {
      const message = index % 2 ? `clone ${index} failed` : `model said no ${index} times`;
      const failed = result(`r${index}`, 'failed', { error: { type: 'T', message } });
      view.apply({ kind: 'ended', index, label: `r${index}`, generation: 1, result: failed }, index);
    }
    expect(lines).toEqual(['r0: T: model said no 0 times', 'r1: T: clone 1 failed']);
  });

  it('says once that server or worker are away', () => {
    const lines: string[] = [];
    const view = new ChangeLines((line) => lines.push(line));
    for (let i = 0; i < 5; i++) view.apply({ kind: 'trouble', message: 'gone' }, i);
    expect(lines).toHaveLength(1);
  });
});
