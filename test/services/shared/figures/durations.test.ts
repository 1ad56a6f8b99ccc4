import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addCounts, createDurations, quantileOf } from '../../../../services/shared/figures/durations.ts';

const countsOf = (seconds: readonly number[]) => {
  const durations = createDurations();
  for (const one of seconds) durations.observe(one);
  return durations.counts;
};
const seconds = fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { minLength: 1, maxLength: 200 });

test('replicas added up are one that saw everything; quantiles rise, and lie in the bucket of the true one', () => {
  fc.assert(
    fc.property(seconds, seconds, (a, b) => {
      const all = [...a, ...b].toSorted((x, y) => x - y);
      const together = addCounts([countsOf(a), countsOf(b)]);
      expect(together).toEqual([...countsOf(all)]);
      const [p50, p95] = [quantileOf(together, 0.5), quantileOf(together, 0.95)] as [number, number];
      expect(p50).toBeLessThanOrEqual(p95);
      const truth = all[Math.ceil(0.95 * all.length) - 1] as number;
      // Buckets are at most twice as long as they begin; beyond the last end that is told.
      expect(p95).toBeGreaterThanOrEqual(Math.min(truth, 100) / 2 - 0.1);
      expect(p95).toBeLessThanOrEqual(Math.max(0.1, truth * 2));
    }),
  );
  expect(quantileOf(addCounts([]), 0.5)).toBeNull();
});
