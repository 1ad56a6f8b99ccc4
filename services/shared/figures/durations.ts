/** How long something took, counted in the buckets of metrics.ts: what replicas counted can be added up. */
import { durationBuckets } from '../../metrics.ts';

export interface Durations {
  observe(seconds: number): void;
  /** Since the start: how many fell into each bucket, the last one without an end. */
  readonly counts: readonly number[];
  /** Who else is told of each from now on. */
  told(listener: (seconds: number) => void): void;
}

export function createDurations(): Durations {
  const counts = Array.from({ length: durationBuckets.length + 1 }, () => 0);
  const listeners: ((seconds: number) => void)[] = [];
  return {
    counts,
    told: (listener) => void listeners.push(listener),
    observe: (seconds) => {
      const index = durationBuckets.findIndex((end) => seconds <= end);
      const place = index < 0 ? durationBuckets.length : index;
      counts[place] = (counts[place] ?? 0) + 1;
      for (const listener of listeners) listener(seconds);
    },
  };
}

/** Of any number of counts, bucket by bucket. */
export const addCounts = (all: readonly (readonly number[])[]): number[] =>
  Array.from({ length: durationBuckets.length + 1 }, (_, place) =>
    all.reduce((sum, counts) => sum + (counts[place] ?? 0), 0),
  );

/** As PromQL's histogram_quantile: on a straight line inside its bucket. Null: nothing was counted. */
export function quantileOf(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = share * total;
  let below = 0;
  for (const [place, count] of counts.entries()) {
    const end = durationBuckets[place];
    // Longer than the last end: that much is known.
    if (end === undefined) break;
    if (count > 0 && below + count >= rank) {
      const start = place === 0 ? 0 : (durationBuckets[place - 1] ?? 0);
      return start + (end - start) * ((rank - below) / count);
    }
    below += count;
  }
  return durationBuckets.at(-1) ?? null;
}
