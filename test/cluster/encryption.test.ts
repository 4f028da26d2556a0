import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { CANARIES, canariesIn, runCanaryFleet } from '../support/canary-fleet.ts';
import { Postgres } from '../support/postgres.ts';
import { missingForPostgres, TemporalOnPostgres } from '../support/temporal-on-postgres.ts';

const missing = missingForPostgres();
const skipped = missing.length > 0 ? ` (skipped: ${missing.join(', ')})` : '';

it.skipIf(missing.length > 0)(
  `PostgreSQL holds a failure's message without keys, and no prompt, output, failure or secret with them${skipped}`,
  async () => {
    const postgres = await Postgres.start();
    await using server = await TemporalOnPostgres.start(postgres);
    const temporal = { address: server.address, stop: async () => undefined };
    const key = { id: 'k1', base64: randomBytes(32).toString('base64') };
    {
      await using encrypted = await runCanaryFleet({ temporal, encryptionKeys: [key] });
      expect(encrypted.failures).toEqual(['Encoded failure']);
      const rows = await everything(postgres);
      expect(canariesIn(rows)).toEqual([]);
      expect(rows).toContain(Buffer.from('encryption-key-id').toString('hex'));
    }
    await using plain = await runCanaryFleet({ temporal });
    expect(plain.failures[0]).toContain(CANARIES.failure);
    expect(canariesIn(await everything(postgres))).toEqual(['failure']);
  },
);

/** Every row of both databases as text: what it keeps as bytes in hex, whatever it does to them on disk. */
async function everything(postgres: Postgres): Promise<string> {
  const texts: string[] = [];
  for (const database of ['temporal', 'temporal_visibility']) {
    const tables = await postgres.query(database, "select tablename from pg_tables where schemaname = 'public'");
    expect(tables.length).toBeGreaterThan(2);
    for (const table of tables) texts.push(...(await postgres.query(database, `select t::text from "${table}" t`)));
  }
  return texts.join('\n');
}
