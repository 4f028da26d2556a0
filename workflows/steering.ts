import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import { FAILURES } from './contract/failures.ts';
import * as messages from './contract/messages.ts';
import type { FleetStatus } from './contract/messages.ts';
import type { Dispatcher } from './dispatcher/dispatcher.ts';

/** What updates need of a root. Its dispatcher stands once the graph is read; `changed` wakes the root's loop. */
export interface Steered {
  dispatcher(): Dispatcher | undefined;
  status(): FleetStatus;
  changed(): void;
}

/** Takes a person's updates: each takes effect on the dispatcher, and is acknowledged once that is done. */
export function takeUpdates({ dispatcher, status, changed }: Steered): void {
  const steer = async (act: (d: Dispatcher) => void, done: (d: Dispatcher) => boolean = () => true) => {
    await condition(() => dispatcher() !== undefined);
    act(dispatcher()!);
    changed();
    await condition(() => done(dispatcher()!));
    return status();
  };
  setHandler(messages.pauseUpdate, () => steer((d) => d.pauseFor('user')));
  setHandler(messages.resumeUpdate, () => steer((d) => d.resume()));
  setHandler(messages.setUpdate, (change) => steer((d) => d.set(change)));
  setHandler(messages.cancelUpdate, () =>
    steer(
      (d) => d.cancel(),
      (d) => d.isFinished,
    ),
  );
  setHandler(messages.cancelSignal, async () => void (await steer((d) => d.cancel())));
  setHandler(messages.stopUpdate, ({ indexes }) =>
    steer(
      (d) => d.stop(indexes),
      (d) => d.haveEnded(indexes),
    ),
  );
  setHandler(messages.skipUpdate, ({ indexes }) =>
    steer(
      (d) => d.skip(indexes),
      (d) => d.haveEnded(indexes),
    ),
  );
  setHandler(messages.retryUpdate, ({ indexes }) => steer((d) => d.retry(indexes)));
  setHandler(messages.approveUpdate, ({ hash }) => steer((d) => decide(d, hash, true)));
  setHandler(messages.rejectUpdate, ({ hash }) => steer((d) => decide(d, hash, false)));
}

function decide(root: Dispatcher, hash: string, isApproved: boolean): void {
  if (root.decide(hash, isApproved)) return;
  throw ApplicationFailure.nonRetryable(`nothing of the hash ${hash} is asked at the moment`, FAILURES.notAsked);
}
