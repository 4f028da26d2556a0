import { DEFAULT_VERIFY_TIMEOUT_MS } from '../../workflows/contract/limits.ts';
import type { Verification } from '../../workflows/contract/task.schema.ts';
import { readDuration } from './duration.ts';
import type { FaultList } from './fault-list.ts';
import type { TaskShape } from './task-shape.ts';
import type { Path } from './source-document.ts';

/** The commands after which a task counts as done; two of one name are a fault. */
export function readVerifications(
  given: NonNullable<TaskShape['verify']>,
  path: Path,
  faults: FaultList,
): Verification[] {
  const names = new Set<string>();
  return given.map(({ name, run, timeout }, i) => {
    if (names.has(name)) {
      const message = `the verification ${JSON.stringify(name)} appears twice`;
      faults.add([...path, i, 'name'], message, 'write another name');
    }
    names.add(name);
    return {
      name,
      run,
      timeoutMs: readDuration(timeout, [...path, i, 'timeout'], faults) ?? DEFAULT_VERIFY_TIMEOUT_MS,
    };
  });
}
