import { setTimeout as delay } from 'node:timers/promises';
import type { NativeConnection } from '@temporalio/worker';
import type { Log } from '../activities/observe/log.ts';
import type { WorkerConfig } from './config.ts';

/** `WorkerDeploymentVersionStatus`: it was current, and another has taken its place. */
const DRAINING = 4;
const DRAINED = 5;
const PAUSE_MS = 1_000;

/**
 * Makes this worker's build the one that Temporal gives workflows to, as soon as it is known to poll; until then it gets
 * none. A build that was current before is left alone: it is an old worker that starts again while a newer build takes over,
 * and a build goes back only by hand. Resolves when it is settled or `signal` aborts; never rejects.
 */
export async function makeCurrent(
  { namespace, deployment }: Pick<WorkerConfig, 'namespace' | 'deployment'>,
  { workflowService }: Pick<NativeConnection, 'workflowService'>,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  if (!deployment) return;
  const { deploymentName, buildId } = deployment;
  while (!signal.aborted) {
    try {
      const found = await workflowService.describeWorkerDeployment({ namespace, deploymentName });
      const { routingConfig, versionSummaries } = found.workerDeploymentInfo ?? {};
      if (routingConfig?.currentDeploymentVersion?.buildId === buildId) return;
      const own = versionSummaries?.find(({ deploymentVersion }) => deploymentVersion?.buildId === buildId);
      if (own?.status === DRAINING || own?.status === DRAINED) {
        const command = `temporal worker deployment set-current-version --deployment-name ${deploymentName} --build-id ${buildId}`;
        log.warn({ deploymentName, buildId, command }, 'this build was current before and is not made current again');
        return;
      }
      const { conflictToken } = found;
      await workflowService.setWorkerDeploymentCurrentVersion({ namespace, deploymentName, buildId, conflictToken });
      log.info({ deploymentName, buildId }, 'this build is current: workflows go on with it');
      return;
    } catch (error) {
      // Not heard of yet: it has only begun to poll. Or somebody else changed it at the same moment.
      log.debug({ err: error }, 'this build is not current yet');
    }
    await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
}
