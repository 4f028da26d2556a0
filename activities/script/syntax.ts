import { parse, type Program } from 'acorn';
import type { ScriptFaults } from './fault.ts';

/** ECMAScript 2025: what engine and parser both know. */
const ECMA_VERSION = 16;

/** The program, or undefined with its fault added: a parser stops at the first one. */
export function parseSyntax(source: string, faults: ScriptFaults): Program | undefined {
  try {
    return parse(source, {
      ecmaVersion: ECMA_VERSION,
      sourceType: 'module',
      allowReturnOutsideFunction: true,
      allowAwaitOutsideFunction: true,
    });
  } catch (error) {
    if (error instanceof RangeError) faults.add(0, 'it is nested too deeply to be read', 'write it flatter');
    else if (!(error instanceof SyntaxError && 'pos' in error && typeof error.pos === 'number')) throw error;
    else faults.add(error.pos, ...explained(source, error.pos, error.message.replace(/ \(\d+:\d+\)$/, '')));
    return undefined;
  }
}

function explained(source: string, at: number, message: string): [message: string, hint: string] {
  const typed = typeScriptAt(source, at);
  if (typed !== undefined)
    return [
      `${typed} is TypeScript, and a script is plain JavaScript`,
      'leave the types out: nothing checks them here',
    ];
  if (/'import' and 'export'/.test(message)) return [message, 'keep `export const meta = {…}` as the first statement'];
  return [`not JavaScript: ${lowered(message)}`, hintFor(source, at, message)];
}

function hintFor(source: string, at: number, message: string): string {
  if (at >= source.trimEnd().length) return 'the file ends in the middle: close what is open';
  if (/await/.test(message)) return 'make the function that holds it async';
  if (/Unterminated/.test(message)) return 'close it';
  return `look at ${JSON.stringify(source.slice(at, at + 20).split('\n')[0])}`;
}

/** What of TypeScript stands where the parser gave up; undefined: nothing that is known. */
function typeScriptAt(source: string, at: number): string | undefined {
  const before = source.slice(Math.max(0, at - 200), at);
  const here = source.slice(at, at + 200);
  const word = /^[\w$]+/.exec(here)?.[0] ?? '';
  const previous = /([\w$]+)\s*$/.exec(before)?.[1] ?? '';
  if (word === 'interface') return 'an `interface`';
  if (['type', 'namespace', 'declare', 'abstract'].includes(previous) && word !== '') return `\`${previous} ${word}\``;
  if (word === 'enum' || previous === 'enum') return 'an `enum`';
  if ((word === 'as' || word === 'satisfies') && /[\w$)\]}'"`]\s*$/.test(before)) return `\`${word}\``;
  const annotation = /^\??:\s*[\w$[{('"<]/.test(here) && /[\w$)\]}]\s*$/.test(before);
  if (annotation && !/\?[^?.:]*$/.test(before.split('\n').at(-1) ?? '')) return 'a type after `:`';
  if (here.startsWith('!') && /[\w$)\]]$/.test(before)) return 'a `!` after a value';
  if (/^<[\w$]/.test(here) || (here.startsWith('>') && /<[\w$[\]{}|, ]+$/.test(before))) return 'a type in `<…>`';
  if (['private', 'public', 'protected', 'readonly'].includes(previous)) return `\`${previous}\``;
  return undefined;
}

const lowered = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
