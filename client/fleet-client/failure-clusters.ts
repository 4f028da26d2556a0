/** Client and worker sort failures alike, so that a gate's report and `retry --cluster` name the same kinds. */
export {
  FailureClusters,
  clusterSignature,
  normalisedError,
  type FailureCluster,
} from '../../activities/observe/failure-clusters.ts';
