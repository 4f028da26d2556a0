import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { Forecast } from '../../workflows/contract/rollout.schema.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import { hasTool } from '../../workflows/policy/shell-scope.ts';
import type { FleetPlan } from '../spec/plan.ts';
import type { PreviewFlags } from './commands/preview.ts';
import { money, oneLine, plural, printable, shellQuoted, shorten, span } from './figures.ts';
import { forecastLines } from './forecast-text.ts';
import { paintStatus, type Paint } from './paint.ts';
import { verifiedText } from './result-text.ts';

/** What a preview is of, and what it comes to. */
export interface Preview {
  file: string;
  flags: PreviewFlags;
  whole: FleetPlan;
  eligible: number;
  /** Targets a run of the whole would still start. */
  remaining: number;
  forecast: Forecast | undefined;
}

export interface Previewed {
  id: string;
  /** It has not ended: it waits for money, say. */
  isOpen: boolean;
  results: readonly Result[];
  /** Text of a patch. */
  patchOf: (ref: string) => Promise<string>;
}

const DIFF_LINES = 24;
const OUTPUT_LINES = 6;
const LINE_CHARS = 160;

/** What each scout did, the forecast of the whole, and what to run next. */
export async function previewText(of: Previewed, preview: Preview, paint: Paint): Promise<string> {
  const { id, isOpen, results, patchOf } = of;
  const shown: string[] = [];
  for (const result of results) {
    const patch = result.changes && (await patchOf(result.changes.patch));
    shown.push(...scoutLines(result, patch, paint), '');
  }
  const more = isOpen
    ? [`not all have ended: \`muster watch ${id}\` goes on, \`muster cancel ${id}\` ends it`, '']
    : [];
  const next = nextLines(id, results, preview);
  return `${[...shown, ...more, ...outlookLines(preview, paint), '', ...next].join('\n')}\n`;
}

function scoutLines(result: Result, patch: string | undefined, paint: Paint): string[] {
  const { label, status, error, changes, verify = [], output, structured_output, reused_from } = result;
  const figures =
    reused_from === undefined
      ? `${money(Math.round(result.total_cost_usd * MICRO_USD))}, ${span(result.duration_ms)}`
      : `taken over from ${oneLine(reused_from)}`;
  const stat = changes
    ? `, +${changes.insertions} −${changes.deletions} in ${plural(changes.files.length, 'file')}`
    : ', no file changed';
  const said = structured_output === undefined ? output : JSON.stringify(structured_output, null, 2);
  return [
    `${paint.bold(oneLine(label))}: ${paintStatus(paint, status, status)}, ${figures}${stat}`,
    ...(error ? [paint.red(`  ${oneLine(error.type)}: ${shorten(oneLine(error.message), 300)}`)] : []),
    ...verify.map((verified) => {
      const text = `  verify: ${verifiedText(verified)}`;
      return verified.ok ? paint.green(text) : paint.red(text);
    }),
    ...(patch === undefined
      ? cut(said ?? '', OUTPUT_LINES)
      : cut(patch.replace(/^(diff --git|index) .*\n/gm, ''), DIFF_LINES).map((line) => diffLine(line, paint))
    ).map((line) => `    ${line}`),
  ];
}

function cut(text: string, most: number): string[] {
  const lines = printable(text).trimEnd().split('\n');
  if (lines.length === 1 && lines[0] === '') return [];
  const shown = lines.slice(0, most).map((line) => shorten(line, LINE_CHARS));
  return lines.length > most ? [...shown, `… ${plural(lines.length - most, 'line')} more`] : shown;
}

function diffLine(line: string, paint: Paint): string {
  if (/^(--- |\+\+\+ )/.test(line)) return paint.bold(line);
  if (line.startsWith('+')) return paint.green(line);
  if (line.startsWith('-')) return paint.red(line);
  return line.startsWith('@@') ? paint.cyan(line) : line;
}

function outlookLines({ eligible, remaining, forecast, flags, whole }: Preview, paint: Paint): string[] {
  if (remaining === 0) return [`nothing is left to forecast: ${eligible} of ${plural(eligible, 'target')} completed`];
  if (!forecast) return [`no forecast for ${plural(remaining, 'target')}: nothing so far says what one costs`];
  const { costMicroUsd } = forecast;
  const budget = flags.budget === undefined ? whole.maxBudgetMicroUsd : null; // the preview's own says nothing of the run
  const isShort = budget !== null && costMicroUsd.p90 > budget;
  return [
    `forecast for all ${plural(eligible, 'target')}, ${remaining.toLocaleString('en')} of them to come, from ${forecast.basis}`,
    ...forecastLines(forecast, paint).map((line) => `  ${line}`),
    ...(isShort ? [paint.yellow(`  the budget of ${money(budget)} may not be enough`)] : []),
  ];
}

/** The run that takes the scouts' results over: with everything that shapes them. */
function nextLines(id: string, results: readonly Result[], { file, flags, whole }: Preview): string[] {
  const flag = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [name, quoted(value)];
  const run = [
    ...['muster run', quoted(file)],
    ...Object.entries(flags.param ?? {}).flatMap(([key, value]) => ['-p', quoted(`${key}=${value}`)]),
    ...flag('--model', flags.model),
    ...flag('--concurrency', flags.concurrency?.toString()),
    ...flag('--timeout', flags.timeout?.toString()),
    ...(flags.simulate ? ['--simulate'] : []),
    ...(mayReuse(whole) ? [] : ['--reuse']),
  ];
  const completed = results.filter(({ status }) => status === 'completed').length;
  const taken = completed > 0 ? `   all of it; ${plural(completed, 'result')} here will be taken over` : '';
  return [
    'nothing was applied or published',
    `${run.join(' ')}${taken}`,
    ...(results.some(({ changes }) => changes) ? [`muster diff ${id}   the whole patches`] : []),
    `muster show ${id} LABEL   what one did`,
  ];
}

/** What saw the web or a server is taken over by another fleet only when it is asked to (contracts §2). */
const mayReuse = ({ tasks }: FleetPlan): boolean =>
  tasks.every(({ permissions, mcpServers = [] }) => !hasTool(permissions, 'WebFetch') && mcpServers.length === 0);

const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : shellQuoted(text));
