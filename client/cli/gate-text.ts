import type { GateReport } from '../../workflows/contract/rollout.schema.ts';
import { SUBAGENT_STATUSES } from '../../workflows/contract/statuses.ts';
import { money, oneLine, plural, shorten, span } from './figures.ts';
import { forecastLines } from './forecast-text.ts';
import { paintStatus, type Paint } from './paint.ts';

const KINDS_SHOWN = 5;
const LABELS_SHOWN = 6;

/** What a person looks at before a wave is approved; at most 25 lines, without a newline at the end. */
export function gateText(report: GateReport, paint: Paint): string {
  const { title, why, forecast, remaining, next } = report;
  const known = report.wave === 1 ? 'scouts' : 'waves';
  return [
    paint.bold(oneLine(title)),
    `  ${censusText(report, paint)}`,
    `  ${spentText(report)}`,
    ...why.map((reason) => paint.red(`  the figures do not open it: ${oneLine(reason)}`)),
    ...failureLines(report, paint),
    '',
    forecast
      ? `forecast for all, with the ${plural(remaining, 'target')} to come, from ${forecast.basis} of the ${known} so far`
      : `no forecast for the ${plural(remaining, 'target')} to come: nothing so far says what one costs`,
    ...(forecast ? forecastLines(forecast, paint).map((line) => `  ${line}`) : []),
    '',
    `next ${nextText(next)}`,
  ].join('\n');
}

function censusText({ census, verified, tried, looked }: GateReport, paint: Paint): string {
  const ends = SUBAGENT_STATUSES.filter((status) => (census[status] ?? 0) > 0).map((status) =>
    paintStatus(paint, status, `${status} ${census[status]!.toLocaleString('en')}`),
  );
  const checked = verified === 0 ? [] : [`verified ${verified.toLocaleString('en')} of ${tried.toLocaleString('en')}`];
  const from = looked === undefined ? '' : paint.dim(` (from ${plural(looked, 'result')}, evenly chosen)`);
  return [...ends, ...checked].join(', ') + from;
}

function spentText({ spentMicroUsd, costPerTargetMicroUsd: each, elapsedMs, reused }: GateReport): string {
  const perTarget = each === null ? '' : `, ${money(each)} a target`;
  const taken = reused === 0 ? '' : `; ${plural(reused, 'result')} taken over from earlier fleets`;
  return `spent ${money(spentMicroUsd)}${perTarget}, in ${span(elapsedMs)}${taken}`;
}

function failureLines({ failures, otherFailures }: GateReport, paint: Paint): string[] {
  const rows = failures.slice(0, KINDS_SHOWN).map(({ count, type, message, signature, labels }) => {
    const text = shorten(oneLine(`${type}: ${message}`), 90);
    return `  ${String(count).padStart(6)} × ${text} ${paint.dim(`[${signature}] ${shorten(oneLine(labels.join(', ')), 40)}`)}`;
  });
  const more = Math.max(0, failures.length - KINDS_SHOWN) + otherFailures;
  return [...rows, ...(more > 0 ? [`  and ${plural(more, 'other kind')} of failure`] : [])];
}

function nextText({ count, labels }: GateReport['next']): string {
  const shown = labels.slice(0, LABELS_SHOWN).map((label) => shorten(oneLine(label), 40));
  const more = count > shown.length ? ` and ${(count - shown.length).toLocaleString('en')} more` : '';
  return `${plural(count, 'target')}: ${shown.join(', ')}${more}`;
}
