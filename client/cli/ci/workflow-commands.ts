import { relative, resolve } from 'node:path';
import type { Fault } from '../../spec/plan.ts';

/** More are of no use: GitHub shows ten of a step. */
const MOST = 50;

/**
 * Faults as GitHub Actions takes them from a log: each stands at its line of the pull request. `workspace`: the checkout,
 * which paths are told relative to.
 */
export function annotations(faults: readonly Fault[], workspace: string | undefined): string {
  return faults
    .slice(0, MOST)
    .map((fault) => `${annotation(fault, workspace)}\n`)
    .join('');
}

function annotation({ file, line, column, message, hint }: Fault, workspace: string | undefined): string {
  const place = [
    `file=${property(inWorkspace(file, workspace))}`,
    ...(line > 0 ? [`line=${line}`] : []),
    ...(line > 0 && column > 0 ? [`col=${column}`] : []),
  ];
  return `::error ${place.join(',')}::${data(`${message}; ${hint}`)}`;
}

function inWorkspace(file: string, workspace: string | undefined): string {
  if (workspace === undefined) return file;
  const path = relative(workspace, resolve(file));
  return path.startsWith('..') ? file : path;
}

const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** Text of others, no line of which a runner takes for a command to itself. */
export const defused = (text: string): string => text.replace(/^(\s*)(::|##\[)/gm, '$1› $2');
