import { z } from 'zod';
import { MAX_WAVES } from '../../workflows/contract/limits.ts';
import { Money, Percentage, Share } from './task-shape.ts';

const Reach = z.union([z.int().min(1), Percentage]);

const Gate = z
  .strictObject({
    minCompleted: Share.optional().meta({
      description: 'Least share of targets so far that completed.',
      examples: [0.8, '80%'],
    }),
    minVerified: Share.optional().meta({
      description: 'Least share of targets so far whose verifications all passed.',
      examples: [0.9],
    }),
    maxCostPerTarget: Money.optional().meta({
      description: 'Most US dollars that a target may have cost on average.',
      examples: [1.5],
    }),
    approval: z.boolean().optional().meta({ description: 'A person must approve as well: muster approve ID.' }),
  })
  .meta({
    description: 'What must hold before the next wave starts. Where the figures do not open it, a person is asked.',
    examples: [{ minVerified: 0.9, approval: true }],
  });

/** Scouts, said beside `rollout` or in it. */
export const Scout = z
  .int()
  .min(1)
  .meta({
    description:
      'A first wave of so many targets that represent the whole, then all others: short for waves [N, 100%].',
    examples: [5],
  });

export const RolloutShape = z
  .strictObject({
    waves: z
      .array(Reach)
      .min(1)
      .max(MAX_WAVES)
      .optional()
      .meta({
        description:
          'How far each wave reaches, all waves before it included: whole numbers of targets, or shares of those ' +
          'that are eligible. [5, 10%, 100%] is five, then up to a tenth, then all. The last one reaches all.',
        examples: [[5, '10%', '100%']],
      }),
    scout: Scout.optional(),
    gate: Gate.optional(),
    stopOnFailureRate: Share.optional().meta({
      description: 'Nothing more starts once this share of a wave has failed.',
      examples: [0.3],
    }),
  })
  .meta({
    description: 'Waves of targets, with a gate before each but the first.',
    examples: [{ waves: [5, '10%', '100%'], gate: { minVerified: 0.9, approval: true }, stopOnFailureRate: 0.3 }],
  });
export type RolloutShape = z.infer<typeof RolloutShape>;
