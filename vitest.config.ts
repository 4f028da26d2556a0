import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        test: {
          name: 'unit',
          // Of tests within a file that say they may run side by side.
          maxConcurrency: 10,
          include: ['test/**/*.test.ts'],
          exclude: ['test/scenarios/**', 'test/cluster/**'],
          setupFiles: 'test/support/fixed-seed.ts',
          testTimeout: 30_000,
          // A condition that comes is met at once; a busy machine may let it wait.
          expect: { poll: { timeout: 15_000 } },
          hookTimeout: 60_000,
          // As many as there are cores, where vitest would leave one idle.
          maxWorkers: Math.max(2, availableParallelism()),
        },
      },
      {
        test: {
          name: 'scenarios',
          globalSetup: 'test/support/server-on-the-path.ts',
          include: ['test/scenarios/**/*.test.ts'],
          testTimeout: 180_000,
          expect: { poll: { timeout: 15_000 } },
          hookTimeout: 300_000,
          // A scenario owns a server and workers, and mostly waits: for heartbeats, timers, a reset. Two at once fill two cores.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'cluster',
          globalSetup: 'test/support/server-on-the-path.ts',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 900_000,
          expect: { poll: { timeout: 60_000 } },
          hookTimeout: 900_000,
          // Each is a cluster with servers of its own.
          maxWorkers: 1,
        },
      },
    ],
  },
});
