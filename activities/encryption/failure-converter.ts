import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Messages and stacks of failures as payloads, so that the codec encrypts them: they quote what models and tools said.
 * Loaded by its path, in processes and in the workflow bundle; the name is Temporal's.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
