export type Path = readonly (string | number)[];

export interface Position {
  line: number;
  column: number;
}

/** A fault of the text itself, before there is any value to speak of. */
export interface TextFault extends Position {
  message: string;
  hint: string;
}

/**
 * A parsed file that still knows where everything stood. Keys in `Path` are spelled as in the file. A path that does
 * not exist is answered with its nearest existing ancestor.
 */
export interface SourceDocument {
  value: unknown;
  faults: TextFault[];
  locate(path: Path, part?: 'key' | 'value'): Position;
  /** Of a document without lines: what a fault calls the place instead. */
  nameOf?(path: Path): string;
}

/** Line and column from 1 of a character offset. */
export function lineCounter(text: string): (offset: number) => Position {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  };
}

/** A value that stands in no file; `nameOf` says what a fault calls a place in it. */
export function nowhere(value: unknown, nameOf: (path: Path) => string): SourceDocument {
  return { value, faults: [], locate: () => ({ line: 0, column: 0 }), nameOf };
}
