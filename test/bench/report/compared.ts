/** A prediction beside what was measured. */
import type { Constants } from '../../../environments/capacity/model.ts';
import { type Figure, must, type Row, told } from './rows.ts';

export interface Predicted {
  readonly name: string;
  readonly unit: string;
  readonly measured: number;
  /** A figure, or the bounds that it keeps to. */
  readonly predicted: (constants: Constants) => number | Range;
}
type Range = readonly [least: number, most: number];
/** With the prediction for the speed of the CPU meanwhile. */
export type Compared = Omit<Predicted, 'predicted'> & {
  readonly predicted: number | Range;
  readonly rounds: number;
};

/** Of a prediction. */
const errorMax = 0.15;

/**
 * The figure with its prediction as baseline, then how far they are apart. A range holds bounds, no figure: how far beyond the
 * nearer one.
 *
 * @param comparable its CPU and that of the constants: else it is only told
 */
export function rowsOf({ name, unit, measured, predicted }: Omit<Compared, 'rounds'>, comparable: boolean): Row[] {
  const row = 'H6';
  const [least, most] = typeof predicted === 'number' ? [predicted, predicted] : predicted;
  const nearest = Math.min(most, Math.max(least, measured));
  const share = measured === nearest ? 0 : measured / nearest - 1;
  const bounded = least !== most;
  const error: Figure = {
    row,
    name: `${name}: ${bounded ? 'outside of its bounds' : 'error'}`,
    value: 100 * share,
    unit: '%',
  };
  const why = bounded ? `bounds: ${least.toFixed(0)} to ${most.toFixed(0)}` : 'baseline: prediction';
  return [
    told(why, { row, name, value: measured, unit, baseline: nearest }),
    !comparable
      ? told('another kind of CPU', error)
      : must(`within ${100 * errorMax}`, Math.abs(error.value) <= 100 * errorMax, error),
  ];
}
