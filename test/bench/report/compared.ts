/** A prediction beside what was measured. */
import type { Constants } from '../../../environments/capacity/model.ts';
import { type Figure, must, type Row, told } from './rows.ts';

export interface Predicted {
  readonly name: string;
  readonly unit: string;
  readonly measured: number;
  /** A figure, or from which to which it may be. */
  readonly predicted: (constants: Constants) => number | Range;
}
type Range = readonly [least: number, most: number];
/** With the prediction for the speed of the CPU around it. */
export type Compared = Omit<Predicted, 'predicted'> & {
  readonly predicted: number | Range;
  readonly rounds: number;
  /** By so much of it the speed changed meanwhile. */
  readonly changed: number;
};

/** Of a prediction. */
const errorMax = 0.15;

/**
 * The figure with its prediction as baseline, then how far they are apart; of a range, from its nearer end.
 *
 * @param comparable its CPU and that of the constants: else it is only told
 */
export function rowsOf(
  { name, unit, measured, predicted, changed }: Omit<Compared, 'rounds'>,
  comparable: boolean,
): Row[] {
  const row = 'H6';
  const [least, most] = typeof predicted === 'number' ? [predicted, predicted] : predicted;
  const nearest = Math.min(most, Math.max(least, measured));
  const share = measured === nearest ? 0 : measured / nearest - 1;
  const error: Figure = { row, name: `${name}: error`, value: 100 * share, unit: '%' };
  const why = least === most ? 'baseline: prediction' : `prediction: ${least.toFixed(0)} to ${most.toFixed(0)}`;
  return [
    told(why, { row, name, value: measured, unit, baseline: nearest }),
    !comparable
      ? told('another kind of CPU', error)
      : // Memory and slots do not depend on it.
        changed > errorMax && share !== 0
        ? told(`the CPU's speed changed by ${(100 * changed).toFixed(0)} % meanwhile`, error)
        : must(`within ${100 * errorMax}`, Math.abs(error.value) <= 100 * errorMax, error),
  ];
}
