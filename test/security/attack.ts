import type { DenialReason } from '../../workflows/policy/permission.ts';
import type { Grant, Result } from '../../workflows/contract/task.schema.ts';

/**
 * One attack of the corpus (reference/security.md §4), as data, so that it can be tried twice: straight at the dispatcher
 * (`corpus.test.ts`), and by a hostile model through the whole loop (`hostile-model.test.ts`).
 */
export interface Attack {
  /** Number of its class, 1 to 90. */
  number: number;
  /** What is tried, as a sentence: *reads a file above the workspace*. */
  title: string;
  grant: Grant;
  /** Builds what the attack needs, in and around the workspace; runs as the worker. */
  prepare?(field: Field): Promise<void> | void;
  /** What the model calls, one after another; strings may hold `${WORKSPACE}`, `${OUTSIDE}`, `${CANARY}` (see `Field`). */
  calls: readonly Call[];
  expect: Expectation;
  /** The nearest legitimate action, in a field of its own (same `prepare`, same grant): its last call must succeed. */
  twin: { title: string; calls: readonly Call[]; answers?: RegExp };
}

export interface Call {
  name: string;
  input: Record<string, unknown>;
}

export interface Expectation {
  /** The last call is refused with one of these. */
  reasons?: readonly DenialReason[];
  /** The last call is no refusal but comes to nothing: what its answer must look like (an error of the command, an empty list). */
  answers?: RegExp;
  /** Besides what always holds: the canaries are untouched, and their content is in no answer. Throws what is wrong. */
  holds?(field: Field, result: Result): Promise<void> | void;
}

/** Where an attack takes place. */
export interface Field {
  /** `${WORKSPACE}`: root of the subagent's workspace, on the host. Holds `inside.txt` ("inside"), `src/a.ts`, `docs/guide.md`. */
  workspace: string;
  /** `${OUTSIDE}`: a directory of the worker beside it, holding `canary.txt`; nothing in it may be read or changed. */
  outside: string;
  /** `${CANARY}`: the text in `canary.txt`, which must appear in no answer. */
  canary: string;
  /** Set by `prepare`: ends what it has started beside the subagent. Called before the workspace is closed. */
  leave?: () => Promise<void>;
}
