/** One place in a file that a structured output speaks of. */
export interface Finding {
  file: string;
  line?: number;
  column?: number;
  endLine?: number;
  message: string;
  rule?: string;
  level: 'error' | 'warning' | 'note';
}

const FILE = ['file', 'path', 'filename', 'file_path', 'filePath', 'uri'];
const LINE = ['line', 'line_number', 'lineNumber', 'start_line', 'startLine'];
const END_LINE = ['end_line', 'endLine'];
const COLUMN = ['column', 'col', 'start_column', 'startColumn'];
const MESSAGE = ['message', 'description', 'title', 'summary', 'reason', 'text', 'finding', 'use', 'code', 'snippet'];
const RULE = ['rule', 'rule_id', 'ruleId', 'check', 'api', 'category', 'kind', 'type', 'id'];
const LEVEL = ['level', 'severity', 'priority'];

/**
 * Every object inside a structured output that names a file; deeper ones take the file of the nearest object around
 * them when they have a line of their own (`{file, uses: [{line, api}]}`).
 */
export function findingsIn(value: unknown, file?: string): Finding[] {
  if (Array.isArray(value)) return value.flatMap((inner) => findingsIn(inner, file));
  if (typeof value !== 'object' || value === null) return [];
  const object = value as Record<string, unknown>;
  const own = textAt(object, FILE) ?? file;
  const inner = Object.values(object).flatMap((entry) => (typeof entry === 'object' ? findingsIn(entry, own) : []));
  const line = numberAt(object, LINE);
  const isFinding =
    own !== undefined && (line !== undefined || (textAt(object, FILE) !== undefined && inner.length === 0));
  return isFinding ? [finding(object, own, line), ...inner] : inner;
}

function finding(object: Record<string, unknown>, file: string, line: number | undefined): Finding {
  const rule = textAt(object, RULE);
  const column = numberAt(object, COLUMN);
  const endLine = numberAt(object, END_LINE);
  return {
    file,
    ...(line !== undefined && { line }),
    ...(column !== undefined && { column }),
    ...(endLine !== undefined && line !== undefined && endLine >= line && { endLine }),
    message: textAt(object, MESSAGE) ?? rule ?? JSON.stringify(object),
    ...(rule !== undefined && { rule }),
    level: levelOf(textAt(object, LEVEL)),
  };
}

function textAt(object: Record<string, unknown>, keys: readonly string[]): string | undefined {
  const found = keys.map((key) => object[key]).find((value) => typeof value === 'string' && value.trim() !== '');
  return found as string | undefined;
}

/** SARIF counts lines and columns from 1. */
function numberAt(object: Record<string, unknown>, keys: readonly string[]): number | undefined {
  const values = keys
    .map((key) => object[key])
    .filter((value) => typeof value === 'number' || typeof value === 'string');
  return values.map(Number).find((value) => Number.isInteger(value) && value >= 1);
}

function levelOf(text: string | undefined): Finding['level'] {
  if (text === undefined) return 'warning';
  if (/^(error|critical|high|blocker|fatal)$/i.test(text)) return 'error';
  return /^(note|info|low|minor|hint)$/i.test(text) ? 'note' : 'warning';
}
