import { describe, expect, it } from 'vitest';
import { judge, type WaveFigures } from '../../../workflows/policy/rollout.ts';

const figures = (more: Partial<WaveFigures> = {}): WaveFigures => ({
  tried: 20,
  completed: 18,
  verified: 17,
  costPerTargetMicroUsd: 420_000,
  ...more,
});

describe('a gate', () => {
  it('opens on figures that just reach it, whatever floats make of a share', () => {
    expect(judge(figures(), { minCompleted: 0.9, minVerified: 0.85, maxCostPerTargetMicroUsd: 420_000 })).toEqual({
      isOpen: true,
      why: [],
    });
    expect(judge(figures({ tried: 10, completed: 7 }), { minCompleted: 0.7 }).isOpen).toBe(true);
    expect(judge(figures({ tried: 100, completed: 29 }), { minCompleted: 0.29 }).isOpen).toBe(true);
  });

  it('says with figures all that does not hold', () => {
    const gate = { minCompleted: 0.95, minVerified: 0.9, maxCostPerTargetMicroUsd: 400_000 };
    expect(judge(figures(), gate)).toEqual({
      isOpen: false,
      why: [
        '18 of 20 targets completed (90 %), less than 95 %',
        '17 of 20 targets verified (85 %), less than 90 %',
        '$0.42 a target is more than $0.40',
      ],
    });
  });

  it('tells amounts apart that are the same in cents', () => {
    const { why } = judge(figures({ costPerTargetMicroUsd: 1_301 }), { maxCostPerTargetMicroUsd: 1_299 });
    expect(why).toEqual(['$0.001301 a target is more than $0.001299']);
  });

  it('that asks for nothing but a person is open by its figures', () => {
    expect(judge(figures({ completed: 0 }), { approval: true })).toEqual({ isOpen: true, why: [] });
  });

  it('does not open on nobody, nor on a cost that is not known', () => {
    const none = figures({ tried: 0, completed: 0, verified: 0, costPerTargetMicroUsd: null });
    expect(judge(none, { minCompleted: 0.5 })).toEqual({
      isOpen: false,
      why: ['no target of the waves so far was tried'],
    });
    expect(judge(none, { approval: true }).isOpen).toBe(true);
    expect(judge(figures({ costPerTargetMicroUsd: null }), { maxCostPerTargetMicroUsd: 1 })).toEqual({
      isOpen: false,
      why: ['what a target costs is not known of any so far'],
    });
  });
});
