import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { allFargateSizes } from '../../../environments/budget/budget.ts';
import type { At } from '../../../environments/pricing/costed-environment.ts';
import { hoursPerMonth, totalUsd } from '../../../environments/pricing/lines.ts';
import { price } from '../../../environments/pricing/prices/prices.ts';
import { nodeShare, type TierContext, tierMonthlyUsd } from '../../../environments/pricing/tier-cost.ts';
import type { Placement } from '../../../environments/schema/placement.ts';
import { anAws, aPlacement, noUse } from './an-environment.ts';

const bare: TierContext = { aws: anAws, usage: noUse };
const cents = (usd: number) => Math.round(usd * 100) / 100;
const linesOf = (placement: Placement, context: TierContext = bare, at: At = 'max') =>
  tierMonthlyUsd('chat', placement, context, at).filter(({ quantity }) => quantity > 0);

describe('agrees with the published tests of infracost', () => {
  test('Fargate of 2 vCPU and 4 GB is 59.10 + 12.98', () => {
    expect(linesOf(aPlacement).map(({ what, monthlyUsd }) => [what, cents(monthlyUsd)])).toEqual([
      ['1 x 2 vCPU', 59.1],
      ['1 x 4 GiB', 12.98],
    ]);
  });

  test('t3.medium is 30.37', () => {
    // 0.4 vCPU is all that a t3.medium guarantees, and more memory than a t3.small has.
    const [instance] = linesOf({ ...aPlacement, platform: 'vm', vcpu: 0.4, memoryMiB: 3000 });
    expect(instance).toEqual({
      part: 'chat',
      what: '1 x t3.medium',
      quantity: 730,
      unit: 'instance-hour',
      unitPriceUsd: 0.0416,
      monthlyUsd: expect.closeTo(30.368, 6),
    });
  });
});

test('the worked example of Seoul: 0.5 vCPU and 1 GB on Arm is 16.58', () => {
  const aws = { ...anAws, region: 'ap-northeast-2', architecture: 'arm64' as const };
  const placement = { ...aPlacement, vcpu: 0.5, memoryMiB: 1024 };
  // The source adds the two roundings, 13.60 + 2.99; unrounded it is 16.582.
  expect(cents(totalUsd(linesOf(placement, { aws, usage: noUse })))).toBe(16.58);
});

describe('a placement', () => {
  test('on vm has instances, their disks, deploys and logs', () => {
    const usage = { logGbPerReplica: 2, deployHours: 10 };
    const aws = { ...anAws, architecture: 'arm64' as const, logRetentionDays: 90 };
    const placement = { ...aPlacement, platform: 'vm', replicas: { min: 1, max: 3 } } as const;
    expect(
      linesOf(placement, { aws, usage }).map(({ what, quantity, unit, unitPriceUsd }) => [
        what,
        quantity,
        unit,
        unitPriceUsd,
      ]),
    ).toEqual([
      ['3 x m7g.large', 2190, 'instance-hour', 0.0816],
      ['3 x 20 GiB disk', 60, 'GB-month', 0.08],
      ['instances doubled during deploys', 30, 'instance-hour', 0.0816],
      ['logs written', 6, 'GB', 0.5],
      ['logs kept', 18, 'GB-month', 0.03],
    ]);
    expect(linesOf(placement, { aws, usage }, 'min')[0]?.what).toBe('1 x m7g.large');
  });

  test('on ecs splits off its whole spot replicas', () => {
    const placement = { ...aPlacement, spotPercent: 50, replicas: { min: 5, max: 5 } };
    expect(linesOf(placement).map(({ what, unitPriceUsd }) => [what, unitPriceUsd])).toEqual([
      ['3 x 2 vCPU', 0.04048],
      ['3 x 4 GiB', 0.004445],
      ['2 x 2 vCPU on spot capacity', 0.01218784],
      ['2 x 4 GiB on spot capacity', 0.00133831],
    ]);
  });

  test('on ecs runs every task twice during deploys, on demand', () => {
    const placement = { ...aPlacement, spotPercent: 100, replicas: { min: 3, max: 3 } };
    const deploys = linesOf(placement, { aws: anAws, usage: { ...noUse, deployHours: 10 } }).slice(2);
    expect(deploys.map(({ what, quantity, unitPriceUsd }) => [what, quantity, unitPriceUsd])).toEqual([
      ['vCPU doubled during deploys', 60, 0.04048],
      ['memory doubled during deploys', 120, 0.004445],
    ]);
  });

  test('on ecs of an impossible size is refused', () => {
    expect(() => linesOf({ ...aPlacement, vcpu: 1, memoryMiB: 1024 })).toThrow('no Fargate task has vcpu 1');
  });

  test('of a local run costs nothing', () => {
    expect(linesOf({ ...aPlacement, platform: 'local' }, { aws: anAws })).toEqual([]);
  });
});

describe('a placement on kubernetes', () => {
  const placement = {
    ...aPlacement,
    platform: 'kubernetes',
    // Half of what a node leaves to pods.
    vcpu: 0.865,
    memoryMiB: 1024,
    replicas: { min: 4, max: 4 },
  } as const;
  const kubernetes = { instanceType: 'm7g.large', nodes: 0, ownCluster: false };

  test('costs its share of a node, of CPU or memory, whichever is larger', () => {
    const [line] = linesOf(placement, { ...bare, kubernetes });
    expect(line).toMatchObject({
      what: '4 x 50 % of m7g.large',
      quantity: 4 * 0.5 * hoursPerMonth,
      unitPriceUsd: 0.0816,
    });
    expect(nodeShare({ vcpu: 0.1, memoryMiB: 3391 }, 'm7g.large')).toBe(0.5);
  });

  test('needs a node type, one that exists, and one that carries a pod', () => {
    expect(() => linesOf(placement)).toThrow(
      "tier chat is on 'kubernetes', but the environment names no nodes; give kubernetes.instanceType, as in 'm7g.large'",
    );
    expect(() => nodeShare(placement, 'm9.large')).toThrow(
      "no shape is known for node type 'm9.large'; allowed: t4g.micro",
    );
    expect(() => nodeShare({ vcpu: 3, memoryMiB: 1024 }, 'm7g.large')).toThrow(
      'a pod of vcpu 3, memoryMiB 1024 fits on no m7g.large, which leaves vcpu 1.73, memoryMiB 6782; lower the budget or choose a larger node',
    );
  });
});

describe('properties', () => {
  const placements = fc.record({
    platform: fc.constantFrom('vm', 'ecs'),
    size: fc.constantFrom(...allFargateSizes.filter(({ cpuUnits }) => cpuUnits <= 4096)),
    replicas: fc.integer({ min: 1, max: 20 }),
    spotPercent: fc.integer({ min: 0, max: 100 }),
  });
  const made = placements.map(
    ({ platform, size, replicas, spotPercent }): Placement => ({
      platform,
      vcpu: size.cpuUnits / 1024,
      memoryMiB: size.memoryMiB,
      replicas: { min: replicas, max: replicas },
      spotPercent,
      weight: 100,
      options: {},
    }),
  );
  const cost = (placement: Placement) => totalUsd(tierMonthlyUsd('chat', placement, { aws: anAws }, 'max'));

  test('one more replica never costs less', () => {
    fc.assert(
      fc.property(made, (placement) => {
        const { max } = placement.replicas;
        // Rounding to whole spot replicas can turn the added one and another into spot.
        const fixed = { ...placement, spotPercent: 0 };
        expect(cost({ ...fixed, replicas: { min: max + 1, max: max + 1 } })).toBeGreaterThan(cost(fixed));
      }),
    );
  });

  test('spot never costs more', () => {
    fc.assert(
      fc.property(made, (placement) => {
        expect(cost(placement)).toBeLessThanOrEqual(cost({ ...placement, spotPercent: 0 }));
      }),
    );
  });

  test('a larger Fargate size never costs less', () => {
    fc.assert(
      fc.property(made, made, (one, other) => {
        const [a, b] = [one, other].map((each) => ({ ...aPlacement, vcpu: each.vcpu, memoryMiB: each.memoryMiB }));
        if (!a || !b || a.vcpu > b.vcpu || a.memoryMiB > b.memoryMiB) return;
        expect(cost(a)).toBeLessThanOrEqual(cost(b));
      }),
    );
  });

  test('every line is a quantity times a row', () => {
    fc.assert(
      fc.property(made, (placement) => {
        for (const line of tierMonthlyUsd('chat', placement, { aws: anAws }, 'max')) {
          expect(line.monthlyUsd).toBeCloseTo(line.quantity * line.unitPriceUsd, 9);
          expect(line.unitPriceUsd).toBeGreaterThan(0);
        }
      }),
    );
  });

  test('of a price that is missing is an error, not 0', () => {
    const aws = { ...anAws, region: 'eu-west-1' };
    expect(() => tierMonthlyUsd('chat', aPlacement, { aws }, 'max')).toThrow("no prices for region 'eu-west-1'");
    expect(price('fargate/vcpu/x86_64', 'us-east-1').amountUsd).toBe(0.04048);
  });
});
