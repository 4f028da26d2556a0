import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { Forecast } from '../../workflows/contract/rollout.schema.ts';
import { money, plural, span } from './figures.ts';
import type { Paint } from './paint.ts';

type Quantiles = Forecast['costMicroUsd'];

/** Two lines, `cost: p50 $38, p90 $52 (90 %: $29–$61)` and the same of the time, and a warning where it rests on little. */
export function forecastLines({ basis, isThin, costMicroUsd, timeMs }: Forecast, paint: Paint): string[] {
  return [
    `cost: ${quantilesText(costMicroUsd, roughMoney)}`,
    `time: ${quantilesText(timeMs, span)}`,
    ...(isThin ? [paint.yellow(`${plural(basis, 'target')} say little: a forecast from 5 is far narrower`)] : []),
  ];
}

const quantilesText = ({ p50, p90, low, high }: Quantiles, text: (amount: number) => string): string =>
  `p50 ${text(p50)}, p90 ${text(p90)} (90 %: ${text(low)}–${text(high)})`;

/** A forecast knows no cents: whole dollars from ten on. */
const roughMoney = (microUsd: number): string =>
  microUsd < 10 * MICRO_USD ? money(microUsd) : `$${Math.round(microUsd / MICRO_USD).toLocaleString('en')}`;
