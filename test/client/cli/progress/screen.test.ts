import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { ProgressModel } from '../../../../client/cli/progress/progress-model.ts';
import { renderScreen } from '../../../../client/cli/progress/screen.ts';
import type { FleetStatus } from '../../../../workflows/contract/messages.ts';
import { emptyCensus, type Census } from '../../../../workflows/contract/statuses.ts';
import { result } from '../formats/some-report.ts';

const plain = picocolors.createColors(false);
const colored = picocolors.createColors(true);
const START = 1_000_000;

function status(count: number, census: Partial<Census>, more: Partial<FleetStatus> = {}): FleetStatus {
  const stands = { waiting: 0, queued: 0, running: 0, parked: 0, generation: 1, concurrency: 50 };
  const money = { budgetMicroUsd: null, spentMicroUsd: 0, startedAtMs: START };
  return {
    v: 1,
    id: 'k3v9x2ab',
    name: 'demo',
    state: 'running',
    count,
    census: { ...emptyCensus(), ...census },
    ...stands,
    ...money,
    ...more,
  };
}

/** Ten thousand subagents, two hundred at work, some hundred failures of a dozen kinds, with texts of others in them. */
function bigModel(): ProgressModel {
  const model = new ProgressModel();
  model.apply({ kind: 'status', status: status(10_000, {}, { running: 200, queued: 9_800 }) }, START);
  for (let i = 0; i < 200; i++)
    model.apply(
      {
        kind: 'started',
        index: i,
        generation: 1,
        label: `services/部/${'long-name/'.repeat(9)}${i}`,
        startedAtMs: START - i * 1_000,
      },
      START,
    );
  const words = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota', 'kappa', 'lambda', 'mu'];
  for (let i = 200; i < 500; i++) {
    const message = `${words[i % 12]} broke\u001b[2J at line ${i}\nand went on ${'x'.repeat(300)}`;
    const failed = result(`r${i}`, 'failed', { error: { type: 'Claude.Refused', message } });
    model.apply({ kind: 'ended', index: i, label: `r${i}`, generation: 1, result: failed }, START);
  }
  const money = { budgetMicroUsd: 800_000_000, spentMicroUsd: 123_456_789 };
  const later = status(
    10_000,
    { completed: 3_000, failed: 300, timed_out: 7 },
    { running: 200, queued: 6_493, ...money },
  );
  model.apply({ kind: 'status', status: later }, START + 30_000);
  return model;
}

describe('renderScreen', () => {
  it.each([
    [80, 24],
    [120, 50],
    [40, 12],
    [200, 8],
    [24, 6],
  ])('fits a terminal of %i columns and %i rows at 10,000 subagents', (columns, rows) => {
    const lines = renderScreen(bigModel(), { columns, rows }, START + 30_000, colored).split('\n');
    expect(lines.length).toBeLessThan(rows);
    for (const line of lines) expect(stripVTControlCharacters(line).length).toBeLessThan(columns);
  });

  it('shows counts, money, pace, what is left, the slowest, the latest and the kinds of failures', () => {
    const text = renderScreen(bigModel(), { columns: 110, rows: 40 }, START + 30_000, plain);
    expect(text).toContain('k3v9x2ab  demo  running');
    expect(text).toContain(' 3307/10000');
    expect(text).toContain('200 running · 6493 queued');
    expect(text).toContain('3000 completed · 300 failed · 7 timed_out');
    expect(text).toContain('$123.46 of $800.00 · 110.2/s · 30.0 s · about 1m 01s left');
    expect(text).toMatch(/longest at work\n +3m 49s {2}services/);
    expect(text).toMatch(/latest failures\n {2}r499 /);
    expect(text).toMatch(/failures by kind\n +25 × Claude\.Refused: /);
    expect(text).toContain('and 7 other kinds');
  });

  it('lets no text of others drive the terminal', () => {
    const text = renderScreen(bigModel(), { columns: 80, rows: 40 }, START, plain);
    expect(text).not.toMatch(/\u001b/);
  });

  it("shows a script's phases, what it said last, and the wave", () => {
    const model = new ProgressModel();
    const wave = { wave: { open: 2, of: 3 } };
    model.apply({ kind: 'log', what: 'phase', text: 'Scan\u001b[2J' }, START);
    model.apply({ kind: 'status', status: status(4, { completed: 1 }, { running: 2, ...wave }) }, START);
    expect(renderScreen(model, { columns: 100, rows: 30 }, START, plain)).toMatch(
      /wave 2 of 3[^]*phases\n {2}Scan \[2J$/,
    );
    for (const text of ['one', 'two', 'three', 'four']) model.apply({ kind: 'log', what: 'log', text }, START);
    const ends = { kind: 'ended', index: 0, generation: 1, label: 'r0', result: result('r0', 'completed') } as const;
    model.apply({ ...ends, phase: 'Scan' }, START);
    for (const index of [1, 2])
      model.apply(
        { kind: 'started', index, generation: 1, label: `r${index}`, phase: 'Verify', startedAtMs: START },
        START,
      );
    const text = renderScreen(model, { columns: 100, rows: 30 }, START, plain);
    expect(text).toContain('phases\n  Scan  1 ended\n  Verify  0 ended, 2 running\nscript\n  two\n  three\n  four\n');
  });

  it('says why a fleet is paused and when it goes on', () => {
    const model = new ProgressModel();
    model.apply(
      { kind: 'status', status: status(5, {}, { state: 'paused', reason: 'rate_limit', resetAtMs: START }) },
      START,
    );
    expect(renderScreen(model, { columns: 100, rows: 20 }, START, plain)).toMatch(/paused: rate_limit until /);
  });

  it('says that server or worker are away, before the first look too', () => {
    const model = new ProgressModel();
    model.apply({ kind: 'trouble', message: 'x' }, START);
    expect(renderScreen(model, { columns: 80, rows: 20 }, START, plain)).toContain('waiting for');
    model.apply({ kind: 'status', status: status(5, {}) }, START);
    model.apply({ kind: 'trouble', message: 'x' }, START);
    expect(renderScreen(model, { columns: 80, rows: 20 }, START, plain)).toContain('bringing them back');
  });

  it('costs little: a hundredth of a core at two frames a second', () => {
    const model = bigModel();
    const startedAt = process.cpuUsage(); // of this process: others may keep the machine busy
    for (let i = 0; i < 100; i++) renderScreen(model, { columns: 120, rows: 50 }, START, colored);
    expect(process.cpuUsage(startedAt).user / 1_000 / 100).toBeLessThan(5);
  });
});
