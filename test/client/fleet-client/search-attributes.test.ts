import type { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import {
  hasSearchAttributes,
  missingSearchAttributes,
  registration,
} from '../../../client/fleet-client/search-attributes.ts';

const KEYWORD = 2;
const TEXT = 1;
const ALL = { FleetName: KEYWORD, FleetTeam: KEYWORD, FleetState: KEYWORD };

/** A client of a namespace with these attributes; throws while `isAway`. */
function clientOf(customAttributes: Record<string, number>, server = { isAway: false, asked: 0 }) {
  const connection = {
    operatorService: {
      async listSearchAttributes({ namespace }: { namespace: string }) {
        server.asked++;
        expect(namespace).toBe('ours');
        if (server.isAway) throw new Error('permission denied');
        return { customAttributes };
      },
    },
  };
  return { client: { connection, options: { namespace: 'ours' } } as unknown as Client, server };
}

describe('the search attributes of roots', () => {
  it('are asked for once, however many fleets start', async () => {
    const { client, server } = clientOf({ ...ALL, Other: TEXT });
    expect(await Promise.all([1, 2, 3].map(() => hasSearchAttributes(client)))).toEqual([true, true, true]);
    expect(server.asked).toBe(1);
  });

  it.each([
    [{}, ['FleetName', 'FleetTeam', 'FleetState']],
    [{ ...ALL, FleetTeam: TEXT }, ['FleetTeam']],
    [{ FleetName: KEYWORD, FleetState: KEYWORD }, ['FleetTeam']],
  ])('are all used or none: of a namespace with %j', async (there, missing) => {
    const { client } = clientOf(there);
    expect(await missingSearchAttributes(client.connection as never, 'ours')).toEqual(missing);
    expect(await hasSearchAttributes(client)).toBe(false);
  });

  it('are not used where nobody may ask, and asked for again by the next fleet', async () => {
    const { client, server } = clientOf(ALL, { isAway: true, asked: 0 });
    expect(await hasSearchAttributes(client)).toBe(false);
    server.isAway = false;
    expect(await hasSearchAttributes(client)).toBe(true);
  });

  it('come with the command that adds them', () => {
    expect(registration(['FleetName', 'FleetTeam'], 'ours')).toBe(
      'temporal operator search-attribute create --namespace ours --name FleetName --type Keyword --name FleetTeam --type Keyword',
    );
  });
});
