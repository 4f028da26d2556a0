import type { Client } from '@temporalio/client';
import type { ArtifactStore } from '../../activities/artifacts/store.ts';
import type { ClaudeAccess } from '../config.ts';

/** What a command works with: a Temporal client and the artifact store, and, embedded, the daemons behind them. */
export interface Stack extends AsyncDisposable {
  readonly home: string;
  readonly client: Client;
  readonly store: ArtifactStore;
  /**
   * Brings up a worker for this Claude access where none serves its queue, and resolves with the queue's name once one
   * polls. Safe to call twice, from two processes at once too.
   */
  ensureWorker(access: ClaudeAccess): Promise<string>;
  /** Checks, and starts again, what has died since; `run` and `watch` call it every second or two. */
  mend(): Promise<void>;
}
