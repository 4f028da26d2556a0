import { createHash } from 'node:crypto';
import type { Result } from '../../workflows/contract/task.schema.ts';

/** Failures that say the same once what differs from target to target is taken out. */
export interface FailureCluster {
  /** Six hex digits, stable: what `retry --cluster` takes. */
  signature: string;
  type: string;
  /** The text of its first failure. */
  message: string;
  count: number;
  /** At most three, in order of arrival. */
  labels: string[];
}

const LABELS_SHOWN = 3;

/** Paths, URLs, ids, quoted texts and numbers become placeholders. */
export function normalisedError(message: string): string {
  return message
    .replace(/\b[a-z][a-z+]*:\/\/\S+/gi, '<url>')
    .replace(/(["'`]).*?\1/g, '<text>')
    .replace(/(?:\.{0,2}\/)[\w.@-]+(?:\/[\w.@-]+)*/g, '<path>')
    .replace(/\b(?:req|msg|toolu)_\w+|\b[0-9a-f]{8,}\b/gi, '<id>')
    .replace(/\d+(?:[.,]\d+)*/g, '<n>')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
}

/** Undefined for a result without an error. */
export function clusterSignature({ error }: Pick<Result, 'error'>): string | undefined {
  if (!error) return undefined;
  return createHash('sha256')
    .update(`${error.type}\n${normalisedError(error.message)}`)
    .digest('hex')
    .slice(0, 6);
}

/** Clusters of all failures told so far; memory grows with the kinds of failure, not with their number. */
export class FailureClusters {
  private readonly clusters = new Map<string, FailureCluster>();

  add(result: Pick<Result, 'error' | 'label'>): void {
    const signature = clusterSignature(result);
    if (signature === undefined || !result.error) return;
    const cluster = this.clusters.get(signature) ?? { signature, ...result.error, count: 0, labels: [] };
    cluster.count++;
    if (cluster.labels.length < LABELS_SHOWN) cluster.labels.push(result.label);
    this.clusters.set(signature, cluster);
  }

  /** Largest first. */
  get all(): FailureCluster[] {
    return [...this.clusters.values()].sort((a, b) => b.count - a.count);
  }
}
