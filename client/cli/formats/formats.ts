import { fleetJson } from '../fleet-object.ts';
import type { Format } from './report.ts';

export const RESULT_FORMATS = ['json', 'jsonl', 'csv', 'junit', 'sarif', 'markdown'] as const;
export type ResultFormat = (typeof RESULT_FORMATS)[number];

const json: Format = ({ fleet, results }) => fleetJson(fleet, results);

export async function loadFormat(name: ResultFormat): Promise<Format> {
  switch (name) {
    case 'json':
      return json;
    case 'jsonl':
      return (await import('./jsonl.ts')).jsonl;
    case 'csv':
      return (await import('./csv.ts')).csv;
    case 'junit':
      return (await import('./junit.ts')).junit;
    case 'sarif':
      return (await import('./sarif.ts')).sarif;
    case 'markdown':
      return (await import('./markdown.ts')).markdown;
  }
}
