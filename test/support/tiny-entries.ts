import { join } from 'node:path';

/** Programs as small as can be in the place of worker and simulated Claude. */
export const TINY = {
  worker: join(import.meta.dirname, 'tiny-worker.ts'),
  simulated: join(import.meta.dirname, 'tiny-simulated.ts'),
};
