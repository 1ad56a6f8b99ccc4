import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ownModelCost, ownModelText } from '../../../environments/capacity/gpu.ts';
import { defaultHabits } from '../../../environments/capacity/model.ts';
import { gpuPrice } from '../../../environments/pricing/prices/gpu.ts';

const api = { usdPerMillionIn: 0.2, usdPerMillionOut: 0.5 };
const own = { hourlyUsd: 0.8, tokensPerSecond: 500, utilisation: 0.25 };

test('by hand: 500 tokens/s a quarter of the time, at $0.80', () => {
  const cost = ownModelCost(own, api, defaultHabits);
  // 125 tokens/s are 450,000 an hour.
  expect(cost.gpuHoursPerMillion).toBeCloseTo(1 / 0.45, 9);
  expect(cost.ownUsdPerMillion).toBeCloseTo(0.8 / 0.45, 9);
  // 5,400 read for 240 written: 22.5 for one.
  expect(cost.apiUsdPerMillion).toBeCloseTo(0.5 + 0.2 * 22.5, 9);
  // $584 a month at $5 a million.
  expect(cost.breakEvenMillion).toBeCloseTo(584 / 5, 9);
  // Of 500 x 3,600 x 730 = 1,314 million.
  expect(cost.breakEvenUtilisation).toBeCloseTo(116.8 / 1314, 9);
  expect(ownModelText(cost, own)).toContain('break-even: 117 million tokens a month, 16,000 answers a day, 9 % in use');
});

test('at the break-even both cost the same', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.1, max: 20, noNaN: true }),
      fc.double({ min: 1, max: 5000, noNaN: true }),
      (hourlyUsd, tokensPerSecond) => {
        const at = (utilisation: number) =>
          ownModelCost({ hourlyUsd, tokensPerSecond, utilisation }, api, defaultHabits);
        const share = at(0.5).breakEvenUtilisation;
        if (share > 1) expect(at(1).ownUsdPerMillion).toBeGreaterThan(at(1).apiUsdPerMillion);
        else expect(at(share).ownUsdPerMillion).toBeCloseTo(at(share).apiUsdPerMillion, 6);
      },
    ),
  );
});

test('an API that is always cheaper is said; nonsense and what has no price are refused', () => {
  const slow = { ...own, tokensPerSecond: 10 };
  expect(ownModelText(ownModelCost(slow, api, defaultHabits), slow)).toContain('so the API is cheaper at any load');
  expect(() => ownModelCost({ ...own, utilisation: 2 }, api, defaultHabits)).toThrow(
    'given utilisation 2; allowed: above 0, at most 1',
  );
  expect(() => ownModelCost({ ...own, tokensPerSecond: Number.NaN }, api, defaultHabits)).toThrow(
    'given tokensPerSecond NaN; allowed: a number above 0',
  );
  expect(gpuPrice('g6.xlarge')).toMatchObject({ amountUsd: 0.8048, asOf: '2026-08-17' });
  expect(gpuPrice('g6.xlarge', 'eu-central-1')).toMatchObject({ amountUsd: 1.0064, region: 'eu-central-1' });
  expect(() => gpuPrice('g6e.xlarge', 'eu-central-1')).toThrow(
    "given instance type 'g6e.xlarge' in eu-central-1; allowed: us-east-1: g5.xlarge, g6.xlarge, g6e.xlarge; eu-central-1: g5.xlarge, g6.xlarge.",
  );
});
