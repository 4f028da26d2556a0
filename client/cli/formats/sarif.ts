import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Result } from '../../../workflows/contract/task.schema.ts';
import { verifiedText } from '../result-text.ts';
import { findingsIn, type Finding } from './findings.ts';
import { hasFailed, type Format } from './report.ts';

interface SarifResult {
  ruleId: string;
  level: Finding['level'];
  message: { text: string };
  locations: object[];
}

/**
 * SARIF 2.1.0: what structured outputs say about files and lines, what the guards found, and one result for each subagent that failed. Paths
 * stay as the subagents wrote them, relative to their working directories.
 */
export const sarif: Format = function* ({ fleet, results }) {
  const all = results.flatMap((result) => [...findings(result), ...guards(result), ...failure(result)]);
  const rules = [...new Set(all.map(({ ruleId }) => ruleId))].map((id) => ({ id }));
  const driver = { name: 'muster', rules };
  const invocations = [{ executionSuccessful: fleet.status === 'completed' && !results.some(hasFailed) }];
  const run = { tool: { driver }, automationDetails: { id: `${fleet.name}/${fleet.id}` }, invocations, results: all };
  const $schema = 'https://json.schemastore.org/sarif-2.1.0.json';
  yield `${JSON.stringify({ $schema, version: '2.1.0', runs: [run] }, null, 2)}\n`;
};

function findings({ structured_output, label }: Result): SarifResult[] {
  return findingsIn(structured_output).map((found) => {
    const { file, line, column, endLine, message, rule, level } = found;
    const region = {
      ...(line !== undefined && { startLine: line }),
      ...(line !== undefined && column !== undefined && { startColumn: column }),
      ...(endLine !== undefined && { endLine }),
    };
    const artifactLocation = { uri: uriOf(file) };
    const physicalLocation = line === undefined ? { artifactLocation } : { artifactLocation, region };
    const locations = [{ physicalLocation, logicalLocations: [{ name: label }] }];
    return { ruleId: rule ?? 'finding', level, message: { text: message }, locations };
  });
}

/** What the guards ask a reviewer to look at; secrets are no question of taste. */
function guards({ guards: found = [], label }: Result): SarifResult[] {
  return found.map(({ guard, file, detail }) => {
    const physicalLocation = { artifactLocation: { uri: uriOf(file) } };
    const locations = [{ physicalLocation, logicalLocations: [{ name: label }] }];
    const level = guard === 'secret_added' ? 'error' : 'warning';
    return { ruleId: `muster/${guard}`, level, message: { text: `${label}: ${detail}` }, locations };
  });
}

function failure(result: Result): SarifResult[] {
  if (!hasFailed(result)) return [];
  const { label, status, error } = result;
  const failed = (result.verify ?? []).filter(({ ok }) => !ok).map(verifiedText);
  const text = [`${label}: ${error?.message ?? status}`, ...failed].join('; ');
  const locations = [{ logicalLocations: [{ name: label }] }];
  return [{ ruleId: error?.type ?? status, level: 'error', message: { text }, locations }];
}

/** Relative with slashes, or a file URL. */
function uriOf(file: string): string {
  if (/^[a-z][a-z+.-]+:\/\//i.test(file)) return encodeURI(decoded(file));
  if (isAbsolute(file)) return pathToFileURL(file).href;
  return encodeURI(
    file
      .replace(/^(\.\/)+/, '')
      .replaceAll('\\', '/')
      .toWellFormed(),
  ).replace(/[?#]/g, encodeURIComponent);
}

function decoded(uri: string): string {
  try {
    return decodeURI(uri);
  } catch {
    return uri;
  }
}
