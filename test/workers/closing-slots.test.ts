import { describe, expect, it } from 'vitest';
import { ClosingSlots } from '../../workers/closing-slots.ts';

const never = (): AbortSignal => new AbortController().signal;
const used = { slotInfo: { type: 'activity', activityType: 'runSubagent' } } as const;
const unused = { slotInfo: undefined } as never;
/** Whether it resolves without anything else happening. */
const isSettled = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);

describe('slots that can be closed', () => {
  it('are so many; whoever comes later waits for one to be free, in order', async () => {
    const slots = new ClosingSlots(2);
    await Promise.all([slots.reserveSlot({}, never()), slots.reserveSlot({}, never())]);
    expect(slots.tryReserveSlot()).toBeNull();
    const [first, second] = [slots.reserveSlot({}, never()), slots.reserveSlot({}, never())];
    slots.markSlotUsed();
    expect(await isSettled(first)).toBe(false);
    slots.releaseSlot(used);
    expect([await isSettled(first), await isSettled(second)]).toEqual([true, false]);
    slots.releaseSlot(unused);
    expect(await isSettled(second)).toBe(true);
    expect(slots.tryReserveSlot()).toBeNull();
  });

  it('are given to nobody who has gone', async () => {
    const slots = new ClosingSlots(1);
    await slots.reserveSlot({}, never());
    const gone = new AbortController();
    const [first, second] = [slots.reserveSlot({}, gone.signal), slots.reserveSlot({}, never())];
    const why = new Error('gone');
    gone.abort(why);
    await expect(first).rejects.toBe(why);
    await expect(slots.reserveSlot({}, gone.signal)).rejects.toBe(why);
    slots.releaseSlot(unused);
    expect(await isSettled(second)).toBe(true);
  });

  it('once closed are given to nobody, and closing ends with the last poll under way', async () => {
    const slots = new ClosingSlots(3);
    for (let i = 0; i < 3; i++) await slots.reserveSlot({}, never());
    const waiting = slots.reserveSlot({}, never());
    slots.markSlotUsed();
    const closed = slots.close();
    expect(await isSettled(closed)).toBe(false);
    slots.markSlotUsed(); // it brought a task
    expect(await isSettled(closed)).toBe(false);
    slots.releaseSlot(unused); // the last brought none
    expect(await isSettled(closed)).toBe(true);
    slots.releaseSlot(used);
    expect([await isSettled(waiting), slots.tryReserveSlot()]).toEqual([false, null]);
  });

  it('close at once where no poll is under way', async () => {
    expect(await isSettled(new ClosingSlots(1).close())).toBe(true);
  });
});
