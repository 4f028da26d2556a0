import type { Path, SourceDocument } from './source-document.ts';

/** Tasks that a program holds, as a document: it has no lines, so faults name `tasks[3].prompt`. */
export function listDocument(tasks: readonly unknown[]): SourceDocument {
  const nowhere = { line: 0, column: 0 };
  try {
    // What JSON cannot say no file could either: a function or `undefined` counts as absent.
    const value: unknown = JSON.parse(JSON.stringify({ tasks }));
    return { value, faults: [], locate: () => nowhere, nameOf };
  } catch (error) {
    const message = `this is no JSON: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    const fault = { ...nowhere, message, hint: 'give texts, numbers, lists and plain objects' };
    return { value: undefined, faults: [fault], locate: () => nowhere, nameOf };
  }
}

function nameOf(path: Path): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
  return text === '' ? 'tasks' : text.slice(1);
}
