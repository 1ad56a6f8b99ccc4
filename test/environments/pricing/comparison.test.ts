import { describe, expect, test } from '@jest/globals';
import {
  alwaysOnFloorUsd,
  type ComparisonRow,
  comparisonTable,
  difyComparison,
  smallestEnvironment,
} from '../../../environments/pricing/comparison.ts';
import { environmentMonthlyUsd } from '../../../environments/pricing/environment-cost.ts';
import { partTotals, totalUsd } from '../../../environments/pricing/lines.ts';

const published = 47.9;
const total = (column: keyof Omit<ComparisonRow, 'function'>) =>
  difyComparison().reduce((sum, row) => sum + row[column], 0);

describe('the smallest environment beside dify-self-hosted-on-aws', () => {
  test('the published column is the published total', () => {
    expect(total('publishedUsd')).toBeCloseTo(published, 6);
  });

  test('at equal function, always on and on demand, it costs less', () => {
    expect(total('alwaysOnUsd')).toBeCloseTo(122.54, 2);
    expect(total('oursUsd')).toBeCloseTo(99.03, 2);
  });

  test('prints line by line', () => {
    const rows = comparisonTable().split('\n');
    expect(rows[0]).toBe('USD a month, us-east-1  published  same, always on  Bulkhead');
    expect(rows[2]).toBe('database                     0.00            43.80     11.68');
    expect(rows.at(-1)).toBe('total                       47.90           122.54     99.03');
  });

  test('every function has a price of ours: no line was lost in the comparison', () => {
    for (const row of difyComparison()) expect([row.function, row.oursUsd > 0]).toEqual([row.function, true]);
  });

  test('why the published figure itself cannot be met: balancer, database, cache and way out leave less than one tier', () => {
    const region = 'us-east-1';
    const lines = environmentMonthlyUsd(smallestEnvironment(region));
    const tiers = partTotals(lines.filter(({ part }) => part in smallestEnvironment(region).tiers));
    const cheapestTier = tiers.at(-1)?.monthlyUsd ?? Number.NaN;
    expect(tiers).toHaveLength(5);
    expect(alwaysOnFloorUsd(region)).toBeCloseTo(44.165, 3);
    expect(alwaysOnFloorUsd(region) + cheapestTier).toBeGreaterThan(published);
  });

  test('its own total holds everything, transfer and logs included', () => {
    const all = totalUsd(environmentMonthlyUsd(smallestEnvironment('us-east-1')));
    expect(all).toBeGreaterThan(total('oursUsd'));
    // 4.50 of it are the figures that every tier publishes: memory, its growth, CPU.
    expect(all).toBeLessThan(131);
  });
});
