import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { alternativesFor } from '../../../environments/pricing/alternatives.ts';
import { type Alternative, checkCeiling, nearestFit } from '../../../environments/pricing/ceiling.ts';
import { environmentMonthlyUsd } from '../../../environments/pricing/environment-cost.ts';
import { type CostLine, totalUsd } from '../../../environments/pricing/lines.ts';
import { anEnvironment } from './an-environment.ts';

const costs = (parts: Record<string, number>): CostLine[] =>
  Object.entries(parts).map(([part, monthlyUsd]) => ({
    part,
    what: part,
    quantity: 1,
    unit: 'month',
    unitPriceUsd: monthlyUsd,
    monthlyUsd,
  }));
const leaf = (change: string, usd: number): Alternative => ({ change, lines: costs({ all: usd }) });

describe('a ceiling', () => {
  test('that is kept passes, and asks for no alternatives', () => {
    expect(() =>
      checkCeiling(costs({ chat: 60, network: 40 }), 100, () => {
        throw new Error('asked');
      }),
    ).not.toThrow();
  });

  test('that is exceeded names the total, the dearest parts and the change that takes least away', () => {
    const lines = costs({ redis: 10, network: 40, chat: 60, postgres: 20 });
    const alternatives = () => [leaf('a', 100.5), leaf('b', 99), leaf('c', 50)];
    expect(() => checkCeiling(lines, 100, alternatives)).toThrow(
      'the environment costs $130.00 a month, the ceiling is $100.00; most of it: chat $60.00, network $40.00, postgres $20.00; nearest change that fits: b ($99.00)',
    );
  });

  test('that needs several changes names the series, gentle at its end', () => {
    const after = [leaf('large', 30), leaf('gentle', 48)];
    const alternatives = () => [leaf('small', 95), { ...leaf('first', 60), next: () => after }];
    expect(() => checkCeiling(costs({ chat: 100 }), 50, alternatives)).toThrow(
      'no single change fits, these 2 do: first; gentle ($48.00)',
    );
  });

  test('that nothing reaches says to raise it', () => {
    expect(() => checkCeiling(costs({ chat: 100.2 }), 50, () => [leaf('a', 90)])).toThrow(
      'no known change fits: raise monthlyCeilingUsd to at least 101, or take parts out',
    );
    expect(() => checkCeiling(costs({ chat: 100 }), 50)).toThrow('no known change fits');
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('of %d is refused', (ceiling) => {
    expect(() => checkCeiling([], ceiling)).toThrow(
      `given monthlyCeilingUsd ${ceiling}; allowed: a finite number above 0`,
    );
  });

  test('search ends when changes no longer save', () => {
    const endless: Alternative = { ...leaf('same', 90), next: () => [endless] };
    expect(nearestFit(100, 50, [endless])).toBeUndefined();
  });
});

describe('of an environment', () => {
  const lines = environmentMonthlyUsd(anEnvironment);
  const total = totalUsd(lines);

  test('the nearest change is found in the right place', () => {
    expect(() => checkCeiling(lines, total - 1, () => alternativesFor(anEnvironment))).toThrow(
      /nearest change that fits: /,
    );
    expect(() => checkCeiling(lines, total - 100, () => alternativesFor(anEnvironment))).toThrow(
      /nearest change that fits: chat: replicas at most 8 -> 2 \(\$/,
    );
  });

  test('the suggested changes, once made, pass the same check', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 0.999, noNaN: true }), (share) => {
        const ceiling = total * share;
        const fit = nearestFit(total, ceiling, alternativesFor(anEnvironment));
        if (!fit) return;
        expect(fit.monthlyUsd).toBeLessThanOrEqual(ceiling);
        let options = alternativesFor(anEnvironment);
        let made: Alternative | undefined;
        for (const change of fit.changes) {
          made = options.find((option) => option.change === change);
          options = made?.next?.() ?? [];
        }
        expect(() => checkCeiling(made?.lines ?? [], ceiling)).not.toThrow();
        expect(totalUsd(made?.lines ?? [])).toBeCloseTo(fit.monthlyUsd, 9);
      }),
      { numRuns: 50 },
    );
  });

  test('a single change is suggested exactly when one fits, and none that fits takes less away', () => {
    const options = alternativesFor(anEnvironment);
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 0.999, noNaN: true }), (share) => {
        const ceiling = total * share;
        const fitting = options.map((option) => totalUsd(option.lines)).filter((usd) => usd <= ceiling);
        const fit = nearestFit(total, ceiling, options);
        expect(fit?.changes.length === 1).toBe(fitting.length > 0);
        if (fitting.length > 0) expect(fit?.monthlyUsd).toBe(Math.max(...fitting));
      }),
    );
  });
});
