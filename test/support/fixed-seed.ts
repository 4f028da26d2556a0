import { configureGlobal } from 'fast-check';

/**
 * Property tests try the same cases at each run, so that a change is judged by what it changed. Another seed explores
 * others: MUSTER_FUZZ_SEED, best together with MUSTER_FUZZ_CASES.
 */
configureGlobal({ seed: Number(process.env['MUSTER_FUZZ_SEED'] ?? 20_261_126) });
