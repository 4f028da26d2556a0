import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { missingSearchAttributes } from '../../client/fleet-client/search-attributes.ts';
import { goBinary } from '../support/go-binary.ts';
import { Postgres } from '../support/postgres.ts';
import { missingForPostgres } from '../support/temporal-on-postgres.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const run = promisify(execFile);
const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const SCRIPT = join(DEPLOY, 'compose/prepare-temporal.sh');
const missing = missingForPostgres();
const skipped = missing.length > 0 ? ` (skipped: ${missing.join(', ')})` : '';

interface Compose {
  services: Record<'schema' | 'temporal' | 'namespace', { environment: Record<string, string> }>;
}

/** What `docker compose up` does before a worker can start, with the same programs in the place of images. */
it.skipIf(missing.length > 0)(
  `the compose file's databases, server and namespace come up, and again${skipped}`,
  async () => {
    const { services } = parse(readFileSync(join(DEPLOY, 'compose.yaml'), 'utf8'), { merge: true }) as Compose;
    await using directory = await temporaryDirectory();
    await using postgres = await Postgres.start();
    const bin = join(directory.path, 'bin');
    await mkdir(bin);
    await symlink(goBinary('sql')!, join(bin, 'temporal-sql-tool'));
    await symlink(goBinary('temporal')!, join(bin, 'temporal'));
    const base = { PATH: `${bin}:${process.env['PATH']!}`, HOME: directory.path };

    const database = { SQL_HOST: postgres.host.address, SQL_PORT: postgres.port.toString(), SQL_PASSWORD: 'any' };
    const prepare = { ...base, ...services.schema.environment, ...database };
    await run('sh', [SCRIPT, 'schema'], { env: prepare });
    const version = () => postgres.query('temporal', 'select curr_version from schema_version');
    const first = await version();
    await run('sh', [SCRIPT, 'schema'], { env: prepare });
    expect(await version()).toEqual(first);
    expect(Number(first[0])).toBeGreaterThan(1);

    const names = ['FRONTEND_GRPC', 'FRONTEND_HTTP', 'FRONTEND_MEMBERSHIP', 'HISTORY_GRPC', 'HISTORY_MEMBERSHIP'];
    names.push('MATCHING_GRPC', 'MATCHING_MEMBERSHIP', 'WORKER_GRPC', 'WORKER_MEMBERSHIP');
    const ports: Record<string, string> = {};
    for (const name of names) ports[`${name}_PORT`] = (await postgres.host.port()).toString();
    const server = spawn(goBinary('server')!, ['start'], {
      cwd: directory.path,
      stdio: 'ignore',
      env: {
        ...base,
        ...services.temporal.environment,
        ...ports,
        POSTGRES_SEEDS: postgres.host.address,
        DB_PORT: postgres.port.toString(),
        POSTGRES_PWD: 'any',
        BIND_ON_IP: postgres.host.address,
        DYNAMIC_CONFIG_FILE_PATH: join(DEPLOY, 'compose/dynamic-config.yaml'),
      },
    });
    try {
      const address = `${postgres.host.address}:${ports['FRONTEND_GRPC_PORT']!}`;
      const env = { ...base, TEMPORAL_NAMESPACE: 'default', TEMPORAL_ADDRESS: address };
      await run('sh', [SCRIPT, 'namespace'], { env });
      await run('sh', [SCRIPT, 'namespace'], { env });
      const connection = await Connection.connect({ address });
      try {
        expect(await missingSearchAttributes(connection, 'default')).toEqual([]);
        const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
        expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(7 * 86_400);
      } finally {
        await connection.close();
      }
    } finally {
      const gone = once(server, 'exit');
      server.kill('SIGKILL');
      await gone;
    }
  },
);
