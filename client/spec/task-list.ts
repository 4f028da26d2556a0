import { nowhere, type Path, type SourceDocument } from './source-document.ts';

/** Tasks that a program holds, as a document: it has no lines, so faults name `tasks[3].prompt`. */
export function listDocument(tasks: readonly unknown[]): SourceDocument {
  try {
    // What JSON cannot say no file could either: a function or `undefined` counts as absent.
    return nowhere(JSON.parse(JSON.stringify({ tasks })), nameOf);
  } catch (error) {
    const message = `this is no JSON: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    const fault = { line: 0, column: 0, message, hint: 'give texts, numbers, lists and plain objects' };
    return { ...nowhere(undefined, nameOf), faults: [fault] };
  }
}

function nameOf(path: Path): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
  return text === '' ? 'tasks' : text.slice(1);
}
