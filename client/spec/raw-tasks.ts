import { MAX_TASKS } from '../../workflows/contract/limits.ts';
import type { FaultList } from './fault-list.ts';
import { isRecord, readKeys, readNestedKeys, TASK_KEYS, type Spelling } from './keys.ts';
import { describe } from './shape-faults.ts';
import type { Path } from './source-document.ts';

/** A task with its keys read, and where it stands. */
export interface RawTask {
  value: Record<string, unknown>;
  path: Path;
}

export interface RawTasksOptions {
  /** The document is the list itself. */
  isBareList: boolean;
  spelling: Spelling;
  faults: FaultList;
}

/** The listed tasks, or the one over targets; which of the two a file must be is checked here. */
export function readRawTasks(
  root: Readonly<Record<string, unknown>>,
  { isBareList, spelling, faults }: RawTasksOptions,
): RawTask[] {
  const { task, tasks, targets } = root;
  const isTargeted = targets !== undefined;
  if (task !== undefined && tasks !== undefined)
    faults.addKey(['task'], '`task` and `tasks` exclude each other', 'remove one of them');
  else if (isTargeted && task === undefined)
    faults.addKey(['targets'], '`targets` has no `task`', 'write the one `task` to run over them');
  else if (!isTargeted && task !== undefined)
    faults.addKey(['task'], '`task` has no `targets`', 'write `targets`, or `tasks` with a list');
  const list = isTargeted || tasks === undefined ? (task === undefined ? undefined : [task]) : tasks;
  if (list === undefined) {
    if (!isTargeted && tasks === undefined)
      faults.add([], 'there are no tasks', 'write `tasks:` with at least one task');
    return [];
  }
  if (!Array.isArray(list)) {
    faults.add(['tasks'], `\`tasks\` is ${describe(list)}`, 'write a list of tasks');
    return [];
  }
  const at = isBareList ? [] : ['tasks'];
  if (list.length === 0) faults.add(at, 'there are no tasks', 'write at least one task');
  if (list.length > MAX_TASKS) {
    faults.add(at, `${list.length} tasks are more than ${MAX_TASKS}`, 'split them over several files');
    return [];
  }
  return list.flatMap((value: unknown, i) => {
    const path: Path = list === tasks ? [...at, i] : ['task'];
    if (!isRecord(value)) {
      faults.add(path, `a task is ${describe(value)}`, 'write {prompt: …}');
      return [];
    }
    const keys = readKeys(value, path, TASK_KEYS, spelling, faults);
    readNestedKeys(keys, path, spelling, faults);
    return [{ value: keys, path }];
  });
}
