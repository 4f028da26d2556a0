import { Connection, isGrpcServiceError } from '@temporalio/client';
import { expect, it } from 'vitest';
import { retriesOutliveClosing } from '../../../client/local/connection-options.ts';
import { freePort } from '../../support/temporal-server.ts';

const lazyTo = (port: number): Connection =>
  Connection.lazy({ address: `127.0.0.1:${port.toString()}`, interceptors: retriesOutliveClosing });

it('a call that is being retried when its connection is closed fails, and nothing else does', async () => {
  const connection = lazyTo(await freePort());
  const call = connection.workflowService.getSystemInfo({}).catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 300)); // by now it has failed, and waits to be made again
  await connection.close();
  const error = await call;
  expect(isGrpcServiceError(error) && error.code).toBe(1);
});

it('a call on a closed connection fails at once', async () => {
  const connection = lazyTo(await freePort());
  await connection.close();
  await expect(connection.workflowService.getSystemInfo({})).rejects.toMatchObject({ code: 1 });
});
