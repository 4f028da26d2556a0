import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Node } from 'yaml';
import type { SourceDocument, TextFault } from './source-document.ts';

/** Enough for any honest use of anchors; a bomb needs thousands. */
const MAX_ALIASES = 100;
/** Deeper than any task needs, shallow enough for the stack. */
const MAX_DEPTH = 200;
const MAX_FAULTS = 20;

/** One YAML 1.2 document with positions; duplicate keys and alias bombs are faults. Never throws. */
export function parseYaml(text: string): SourceDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  // A nesting that overflowed the parser repeats one error hundreds of times.
  const distinct = new Map(document.errors.map((error) => [error.pos[0], error]));
  const faults: TextFault[] = [...distinct.values()].slice(0, MAX_FAULTS).map((error) => ({
    ...position(error.pos[0]),
    ...explain(error.code, error.message),
  }));
  let value: unknown;
  if (document.errors.every(({ code }) => code === 'DUPLICATE_KEY')) {
    try {
      const converted: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
      checkNesting(converted, new Set());
      value = converted;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      faults.push({ line: 1, column: 1, message: `YAML: ${message}`, hint: 'write it flat and without aliases' });
    }
  }
  return {
    value,
    faults,
    locate(path, part = 'value') {
      let node: unknown = document.contents;
      let offset = (document.contents as Node | null)?.range?.[0] ?? 0;
      for (const [i, key] of path.entries()) {
        if (isAlias(node)) node = node.resolve(document);
        let keyNode: unknown;
        if (isMap(node)) {
          const pair = node.items.find(
            (item) => String(isScalar(item.key) ? item.key.value : item.key) === String(key),
          );
          if (!pair) break;
          keyNode = pair.key;
          node = pair.value;
        } else if (isSeq(node)) {
          const item: unknown = node.items[Number(key)];
          if (item === undefined) break;
          node = item;
        } else break;
        const isLast = i === path.length - 1;
        const wanted = (isLast && part === 'key' ? keyNode : node) as Node | null | undefined;
        offset = wanted?.range?.[0] ?? (keyNode as Node | undefined)?.range?.[0] ?? offset;
      }
      return position(offset);
    },
  };
}

/** Throws for what would not end: an alias inside of what it names, or nesting the stack cannot hold. */
function checkNesting(value: unknown, above: Set<object>): void {
  if (typeof value !== 'object' || value === null) return;
  if (above.has(value)) throw new RangeError('an alias lies inside of what it names');
  if (above.size >= MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH}`);
  above.add(value);
  for (const inner of Object.values(value)) checkNesting(inner, above);
  above.delete(value);
}

function explain(code: string, message: string): { message: string; hint: string } {
  const text = message.split('\n')[0]!.replace(/[.:]$/, '');
  if (code === 'DUPLICATE_KEY') return { message: 'this key appears twice', hint: 'keep one of them' };
  if (code === 'TAB_AS_INDENT') return { message: 'a tab indents this line', hint: 'indent with spaces' };
  if (code === 'MULTIPLE_DOCS') return { message: 'a second document', hint: 'keep one document per file' };
  return { message: `not YAML: ${text}`, hint: 'check indentation, quotes and brackets around here' };
}
