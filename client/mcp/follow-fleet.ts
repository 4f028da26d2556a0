import type { Fleet, FleetView } from '../library/library.ts';
import type { OpenFleet } from '../library/open-fleet.ts';
import { accompany } from './accompany.ts';
import { readResults } from './read-results.ts';
import { reportFleet } from './report-fleet.ts';
import type { FleetReport, Told } from './report.ts';
import { endedCount, hasEnded } from './standing.ts';
import { afterStart } from './tool-failure.ts';
import type { Call, Workshop } from './tool.ts';

export interface FollowOptions {
  /** Stay until so many have ended; 0: do not wait. */
  need: number;
  /** Of the whole call. */
  timeoutMs: number;
  /** Most rows of the reply. */
  limit?: number | undefined;
  notes?: string[];
}

/** Stays with a fleet that was just started, tells the caller of its progress, and reports it with first results. */
export async function followFleet(
  fleet: OpenFleet,
  options: FollowOptions,
  call: Call,
  shop: Workshop,
): Promise<FleetReport> {
  const { signal } = call;
  const sayLeft = (): void => shop.log(`nobody waits for the fleet ${fleet.id} any more; it goes on`);
  if (signal.aborted) sayLeft();
  else signal.addEventListener('abort', sayLeft);
  try {
    const view = await stay(fleet, options, call);
    const isAsked = options.need > 0 && endedCount(view) > 0 && !signal.aborted;
    const told = isAsked ? await firstResults(fleet, view, options, call, shop) : {};
    const again = fleet.isNew ? [] : ['this fleet was started before, with the same idempotency_key'];
    const notes = [...again, ...(options.notes ?? [])];
    return await reportFleet(fleet, view, { told: { ...told, notes }, withOutcome: true });
  } catch (error) {
    throw afterStart(fleet.id, error);
  } finally {
    signal.removeEventListener('abort', sayLeft);
  }
}

/** Until `accompany` says so, or the call has taken `timeoutMs`. */
export async function stay(
  fleet: Pick<Fleet, 'status'>,
  { need, timeoutMs }: Pick<FollowOptions, 'need' | 'timeoutMs'>,
  { signal, progress, beganAtMs }: Call,
): Promise<FleetView> {
  const left = timeoutMs - (performance.now() - beganAtMs);
  const onLook = (view: FleetView): Promise<void> => progress.tell(view);
  return accompany(() => fleet.status(), { need, timeoutMs: left, signal, onLook });
}

async function firstResults(
  fleet: Fleet,
  view: FleetView,
  { limit }: FollowOptions,
  { signal }: Call,
  { cursors }: Workshop,
): Promise<Told> {
  const from = { fleetId: fleet.id, arrival: undefined, read: 0 };
  const ended = endedCount(view);
  const { page, to, isWhole } = await readResults(fleet, from, { limit, waitMs: 0, ended, signal });
  const more = Math.max(0, ended - to.read);
  return {
    results: page.rows,
    ...(more > 0 && { more_results: more }),
    ...(!isWhole && (more > 0 || !hasEnded(view)) && { cursor: cursors.keep(to) }),
  };
}
