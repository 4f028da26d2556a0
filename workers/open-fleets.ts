import type { NativeConnection } from '@temporalio/worker';
import { payloadCodec } from '../activities/encryption/payload-codec.ts';
import {
  FLEET_STATE_MEMO,
  FLEET_WORKFLOW,
  SCHEDULED_FLEET_MEMO,
  SCHEDULED_FLEET_WORKFLOW,
} from '../workflows/contract/ids.ts';
import type { WorkerConfig } from './config.ts';

/**
 * Where every open fleet of the namespace stands (`running`, `paused:user` …), at most a thousand; undefined: it does
 * not say.
 */
export async function openFleetStates(
  { namespace, encryptionKeys }: Pick<WorkerConfig, 'namespace' | 'encryptionKeys'>,
  connection: NativeConnection,
): Promise<(string | undefined)[]> {
  const { executions } = await connection.workflowService.listWorkflowExecutions({
    namespace,
    query: `WorkflowType='${FLEET_WORKFLOW}' AND ExecutionStatus='Running'`,
    pageSize: 1_000,
  });
  const codec = payloadCodec(encryptionKeys);
  return Promise.all(
    executions.map(async ({ memo }) => {
      const payload = memo?.fields?.[FLEET_STATE_MEMO];
      if (!payload) return undefined;
      const [decoded] = await codec.decode([payload]);
      const state: unknown = JSON.parse(Buffer.from(decoded?.data ?? []).toString());
      return typeof state === 'string' ? state : undefined;
    }),
  );
}

/** Whether a firing of a schedule has yet to begin its fleet, which from then on speaks for itself. */
export async function isFleetToBegin(
  { namespace }: Pick<WorkerConfig, 'namespace'>,
  { workflowService }: Pick<NativeConnection, 'workflowService'>,
): Promise<boolean> {
  const { executions } = await workflowService.listWorkflowExecutions({
    namespace,
    query: `WorkflowType='${SCHEDULED_FLEET_WORKFLOW}' AND ExecutionStatus='Running'`,
    pageSize: 1_000,
  });
  return executions.some(({ memo }) => !memo?.fields?.[SCHEDULED_FLEET_MEMO]);
}
