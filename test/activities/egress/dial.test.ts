import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAddressRules } from '../../../activities/egress/address.ts';
import { createDialler, type Lookup } from '../../../activities/egress/dial.ts';
import { startWeb, type WebWorld } from '../../support/web-world.ts';

let web: WebWorld;
beforeEach(async () => {
  web = await startWeb();
});
afterEach(() => web.close());

const never = new AbortController().signal;

async function dial(
  host: string,
  { port = 80, mayReach = () => true, lookup = web.lookup, signal = never, connect = web.connect } = {} as {
    port?: number;
    mayReach?: (host: string) => boolean;
    lookup?: Lookup;
    signal?: AbortSignal;
    connect?: WebWorld['connect'];
  },
): Promise<Socket> {
  const dialler = createDialler({ rules: createAddressRules(web.internal), lookup, connect });
  const socket = await dialler.dial({ host, port, isSecure: false }, mayReach, signal);
  socket.destroy();
  return socket;
}

describe('dialling', () => {
  test('reaches a granted name at its address', async () => {
    expect((await dial('granted.test')).remoteAddress ?? web.dialled[0]).toBe('127.7.7.7');
  });

  test('does not even look up a name that is not granted', async () => {
    await expect(dial('other.test', { mayReach: (host) => host === 'granted.test' })).rejects.toMatchObject({
      name: 'EgressDenied',
      reason: 'HOST_DENIED',
    });
    expect(web.looked).toEqual([]);
    expect(web.dialled).toEqual([]);
  });

  test.each(['127.0.0.1', '169.254.169.254', '10.0.0.1', '[::1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]'])(
    'refuses the address %s though it is granted, without a connection',
    async (host) => {
      await expect(dial(host)).rejects.toMatchObject({ name: 'EgressDenied', reason: 'SSRF_DENIED' });
      expect(web.dialled).toEqual([]);
    },
  );

  test.each(['rebound.test', 'inside.test', 'mixed.test'])(
    'refuses %s when one of its addresses is inside, without a connection to any',
    async (host) => {
      await expect(dial(host)).rejects.toMatchObject({ reason: 'SSRF_DENIED' });
      expect(web.dialled).toEqual([]);
    },
  );

  test('asks for a name anew each time: one that has moved inside is refused', async () => {
    await dial('flip.test');
    await expect(dial('flip.test', { port: web.canaryPort })).rejects.toMatchObject({ reason: 'SSRF_DENIED' });
    expect(web.trespasses()).toEqual([]);
    expect(web.looked).toEqual(['flip.test', 'flip.test']);
  });

  test('connects to the address it has checked, never to the name', async () => {
    await dial('granted.test');
    expect(web.dialled).toEqual(['127.7.7.7']);
  });

  test('looks where the connection has ended up, whatever was dialled', async () => {
    const elsewhere: WebWorld['connect'] = ({ port }) => web.connect({ host: '127.0.0.1', port });
    await expect(dial('granted.test', { connect: elsewhere, port: web.canaryPort })).rejects.toMatchObject({
      reason: 'SSRF_DENIED',
    });
  });

  test('reaches other ports than the web’s only inside the operator’s networks', async () => {
    const publicName: Lookup = () => Promise.resolve([{ address: '93.184.215.14' }]);
    await expect(dial('granted.test', { port: 22, lookup: publicName })).rejects.toMatchObject({
      reason: 'HOST_DENIED',
      message: 'port 22 of granted.test is not granted, only 80 and 443 are',
    });
    expect(web.dialled).toEqual([]);
    await expect(dial('granted.test', { port: 9 })).rejects.toMatchObject({ name: 'EgressFailed' });
    expect(web.dialled).toEqual(['127.7.7.7']);
  });

  test('tries the next address where one does not answer', async () => {
    const both: Lookup = () => Promise.resolve([{ address: '127.7.7.8' }, { address: '127.7.7.7' }]);
    await dial('granted.test', { lookup: both });
    expect(web.dialled).toEqual(['127.7.7.8', '127.7.7.7']);
  });

  test('says why a name cannot be reached', async () => {
    await expect(dial('nowhere.test')).rejects.toThrow('nowhere.test cannot be resolved (ENOTFOUND)');
    await expect(dial('empty.test', { lookup: () => Promise.resolve([]) })).rejects.toThrow(
      'empty.test has no address',
    );
    await expect(dial('gone.test')).rejects.toThrow('gone.test cannot be reached at port 80 (ECONNREFUSED)');
  });

  test('fails closed on a name service that answers nonsense', async () => {
    await expect(
      dial('odd.test', { lookup: () => Promise.resolve([{ address: 'granted.test' }]) }),
    ).rejects.toMatchObject({ reason: 'SSRF_DENIED' });
  });

  test('ends at once when it is aborted during a look-up that never answers', async () => {
    const leave = new AbortController();
    const silent: Lookup = () => new Promise(() => undefined);
    const dialling = dial('slow.test', { lookup: silent, signal: leave.signal });
    leave.abort(new Error('left'));
    await expect(dialling).rejects.toThrow('left');
  });

  test('looks up two names at once and no more: each holds a thread that files need', async () => {
    let running = 0;
    let most = 0;
    const release = Promise.withResolvers<void>();
    const dialler = createDialler({
      rules: createAddressRules([]),
      connect: web.connect,
      async lookup() {
        most = Math.max(most, ++running);
        await release.promise;
        running -= 1;
        return [{ address: '127.0.0.1' }];
      },
    });
    const all = Array.from({ length: 6 }, (_, i) =>
      dialler.dial({ host: `a${i}.test`, port: 80, isSecure: false }, () => true, never),
    );
    await expect.poll(() => running).toBe(2);
    release.resolve();
    for (const answer of await Promise.allSettled(all)) expect(answer.status).toBe('rejected');
    expect(most).toBe(2);
  });
});
