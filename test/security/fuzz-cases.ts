/** Cases of each property: 100,000 in CI, more by MUSTER_FUZZ_CASES. */
export const FUZZ_CASES = Number(process.env['MUSTER_FUZZ_CASES'] ?? 100_000);
/** A million take a minute or so. */
export const FUZZ_TIMEOUT_MS = 60_000 + FUZZ_CASES / 2;

/** Runs of a property that tries `cases` cases in each: what is dear to make is made once for all of them. */
export const runsOf = (cases: number): { numRuns: number } => ({ numRuns: Math.ceil(FUZZ_CASES / cases) });
