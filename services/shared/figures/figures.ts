/** What a tier hands over of the list in metrics.ts, and what became of it. Types only. */
import type { MetricKey, metrics } from '../../metrics.ts';
import type { Durations } from './durations.ts';

type List = typeof metrics;
/** What the tier hands over: each metric that names it. A failure to read one leaves a gap. */
export type FiguresOf<Tier extends string> = {
  readonly [Key in MetricKey as List[Key]['tiers'] extends readonly string[]
    ? Tier extends List[Key]['tiers'][number]
      ? Key
      : never
    : never]: List[Key]['kind'] extends 'duration'
    ? Durations
    : List[Key] extends { readonly label: string }
      ? () => Readonly<Record<string, number>>
      : () => number | Promise<number>;
};

export type Figure = Durations | (() => Readonly<Record<string, number>> | number | Promise<number>);

type Value = number | Readonly<Record<string, number>> | readonly number[];
export type Values = Partial<Record<MetricKey, Value>>;
