import { Connection } from '@temporalio/client';
import type { Config, TemporalService } from '../../config.ts';
import { missingSearchAttributes, registration } from '../../fleet-client/search-attributes.ts';
import { isServing } from '../daemon.ts';
import { freePort, isPortFree } from '../ports.ts';
import { isAlive } from '../process-identity.ts';
import { findServerBinary } from '../server-binary.ts';
import { connectEmbedded, NAMESPACE, readServer, RETENTION_DAYS } from '../server.ts';
import { ask, failed, messageOf, ok, warning, type Check } from './check.ts';

/** Temporal: the one that is named, or the embedded one, which is not started for it. */
export async function serverChecks(config: Config): Promise<Check[]> {
  if (config.temporal) return elsewhere(config.temporal);
  return Promise.all([binary(config), ports(config.home), embedded(config.home)]);
}

async function binary(config: Config): Promise<Check> {
  const passedOver: string[] = [];
  try {
    const found = await findServerBinary(config, (line) => passedOver.push(line));
    if (found) return ok('temporal', `server ${found.serverVersion}: ${found.path} (${found.from})`);
  } catch (error) {
    return failed('temporal', messageOf(error), 'name a Temporal CLI, or unset MUSTER_TEMPORAL_BINARY');
  }
  const missing = ['none on PATH or in the cache', ...passedOver].join('; ');
  const { output: go } = await ask('go', ['version']);
  const hint = "install Temporal's CLI: https://docs.temporal.io/cli";
  if (go)
    return warning('temporal', `${missing}: downloaded, or built with Go, at the first run (3 minutes, once)`, hint);
  return warning('temporal', `${missing}: downloaded at the first run, and there is no Go to build it with`, hint);
}

async function ports(home: string): Promise<Check> {
  const server = readServer(home);
  try {
    await freePort();
  } catch (error) {
    return failed('ports', messageOf(error), 'end what holds them, and let programs listen on 127.0.0.1');
  }
  if (!server?.port || isAlive(server) || (await isPortFree(server.port))) return ok('ports', 'free on 127.0.0.1');
  const detail = `port ${server.port}, which this home's server had, is taken by another program`;
  return warning('ports', detail, 'nothing to do: the server moves to another port');
}

async function embedded(home: string): Promise<Check> {
  const server = readServer(home);
  if (!isServing(server) || !server.address)
    return ok('retention', `closed fleets stay in Temporal for ${RETENTION_DAYS} days; the server does not run now`);
  try {
    const connection = await connectEmbedded(server.address, 3_000);
    return await retention(connection, NAMESPACE, `the server on ${server.address}`).finally(() => connection.close());
  } catch (error) {
    return failed('retention', `the server on ${server.address} does not answer: ${messageOf(error)}`, 'muster down');
  }
}

async function elsewhere({ address, namespace, connection: options }: TemporalService): Promise<Check[]> {
  try {
    const connection = await Connection.connect({ ...options, connectTimeout: 5_000 });
    return [
      ok('temporal', `answers at ${address}`),
      ...(await Promise.all([
        retention(connection, namespace, `namespace ${namespace}`),
        searchAttributes(connection, namespace),
      ]).finally(() => connection.close())),
    ];
  } catch (error) {
    const hint = 'check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the TLS and key that go with them';
    return [failed('temporal', `nothing answers at ${address}: ${messageOf(error)}`, hint)];
  }
}

/** A fleet whose history is gone can be neither retried nor looked into; its results stay. */
async function retention({ workflowService }: Connection, namespace: string, what: string): Promise<Check> {
  const { config } = await workflowService.describeNamespace({ namespace });
  const days = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 86_400;
  const detail = `${what} keeps closed fleets for ${days} ${days === 1 ? 'day' : 'days'}`;
  if (days >= RETENTION_DAYS) return ok('retention', detail);
  const hint = `temporal operator namespace update --retention ${RETENTION_DAYS}d ${namespace}`;
  return warning('retention', detail, hint);
}

/** Without them everything works, but Temporal's own UI finds a fleet by nothing but its id. */
async function searchAttributes(connection: Connection, namespace: string): Promise<Check> {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length === 0) return ok('search attributes', "Temporal's UI finds fleets by name, team and state");
  return warning(
    'search attributes',
    `namespace ${namespace} lacks ${missing.join(', ')}`,
    registration(missing, namespace),
  );
}
