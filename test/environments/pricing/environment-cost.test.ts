import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { costTable } from '../../../environments/pricing/cost-table.ts';
import { costSheet, environmentMonthlyUsd } from '../../../environments/pricing/environment-cost.ts';
import { lineMaker, partTotals, totalUsd } from '../../../environments/pricing/lines.ts';
import { pricedRegions } from '../../../environments/pricing/prices/prices.ts';
import { anAws, anEnvironment, aPlacement, noUse } from './an-environment.ts';

test('an environment is its tiers and what they share, at least and at most replicas', () => {
  const parts = [...new Set(environmentMonthlyUsd(anEnvironment).map(({ part }) => part))];
  expect(parts).toEqual([
    'chat',
    'document-worker',
    'network',
    'balancers',
    'postgres',
    'redis',
    'object store',
    'keys and alarms',
  ]);
  const most = totalUsd(environmentMonthlyUsd(anEnvironment, 'max'));
  const least = totalUsd(environmentMonthlyUsd(anEnvironment, 'min'));
  const perReplica = totalUsd(environmentMonthlyUsd(anEnvironment).filter(({ part }) => part === 'chat')) / 8;
  expect(most - least).toBeCloseTo(6 * perReplica, 6);
});

test('every placement of a swap under way is paid', () => {
  const swap = [aPlacement, { ...aPlacement, platform: 'vm' }] as const;
  const one = environmentMonthlyUsd({ ...anEnvironment, tiers: { chat: [aPlacement] } });
  const both = environmentMonthlyUsd({ ...anEnvironment, tiers: { chat: swap } });
  const vm = both.filter(({ what }) => what === '1 x m6i.large' || what === '1 x 20 GiB disk');
  expect(vm).toHaveLength(2);
  expect(totalUsd(both)).toBeGreaterThan(totalUsd(one) + totalUsd(vm));
});

test('the table names each part once, aligns, sums per part and in all', () => {
  const chat = lineMaker('chat', 'us-east-1');
  const network = lineMaker('network', 'us-east-1');
  const lines = [
    chat('2 x 0.5 vCPU', 730, 'fargate/vcpu/arm64'),
    chat('2 x 1 GiB', 1460, 'fargate/gb/arm64'),
    network('1 x NAT gateway', 730, 'nat/hour'),
  ];
  expect(costTable(lines)).toBe(
    [
      'part     what             quantity  unit       USD per unit  USD a month',
      '-------  ---------------  --------  ---------  ------------  -----------',
      'chat     2 x 0.5 vCPU          730  vCPU-hour       0.03238        23.64',
      '         2 x 1 GiB            1460  GB-hour         0.00356         5.20',
      'network  1 x NAT gateway       730  hour              0.045        32.85',
      '-------  ---------------  --------  ---------  ------------  -----------',
      '         network                                                   32.85',
      '         chat                                                      28.84',
      '-------  ---------------  --------  ---------  ------------  -----------',
      'total                                                              61.69',
    ].join('\n'),
  );
  expect(partTotals(lines).map(({ part }) => part)).toEqual(['network', 'chat']);
});

test('the sheet says for what the figures hold', () => {
  expect(costSheet(anEnvironment).split('\n')[0]).toMatch(
    /^test in us-east-1: \$\d+\.\d\d to \$\d+\.\d\d a month \(730 hours, on demand, without tax and free tiers\); all tiers at most replicas:$/,
  );
});

test('the sheet ends with the instance of each tier on vm, and why', () => {
  expect(costSheet(anEnvironment).split('\n').at(-1)).toBe(
    "document-worker: cheapest in us-east-1 for vcpu 2, memoryMiB 4096: m6i.large guarantees 2 vCPU and leaves 7296 of 8192 MiB after the system's 896; $0.096 an hour",
  );
});

test('an empty table is a head and a total of nothing', () => {
  expect(costTable([]).split('\n').at(-1)).toMatch(/^total +0\.00$/);
});

test('by hand: a month in eu-central-1', () => {
  const aws = { ...anAws, region: 'eu-central-1', architecture: 'arm64' } as const;
  const lines = environmentMonthlyUsd({ ...anEnvironment, aws, usage: { ...noUse, postgresLogGb: 0 } });
  const parts = Object.fromEntries(partTotals(lines).map(({ part, monthlyUsd }) => [part, monthlyUsd]));
  // 8 tasks of half a vCPU and 1 GiB, 730 hours.
  expect(parts.chat).toBeCloseTo(8 * 730 * (0.5 * 0.03725 + 0.00409), 6);
  // Two m7g.large with 20 GiB each.
  expect(parts['document-worker']).toBeCloseTo(2 * (730 * 0.0978 + 20 * 0.0952), 6);
  expect(parts.network).toBeCloseTo(730 * (0.052 + 0.005), 6);
  expect(parts.balancers).toBeCloseTo(730 * (2 * 0.027 + 2 * 0.005), 6);
  expect(parts.postgres).toBeCloseTo(730 * 0.037 + 40 * 0.137, 6);
  expect(parts.redis).toBeCloseTo(730 * 0.0144, 6);
  expect(parts['keys and alarms']).toBeCloseTo(5 * 0.4 + 1 + 10 * 0.1 + 3 * 0.3, 6);
  expect(totalUsd(lines)).toBeCloseTo(415.4836, 4);
});

test('what no source has a price for in eu-central-1 is refused, never guessed', () => {
  const aws = { ...anAws, region: 'eu-central-1' };
  const spot = { chat: [{ ...aPlacement, spotPercent: 100 }] };
  expect(() => environmentMonthlyUsd({ ...anEnvironment, aws, tiers: spot })).toThrow(
    /^no price for 'fargate\/vcpu\/x86_64\/spot' in eu-central-1; allowed: .*npm run prices -- refresh eu-central-1\.$/,
  );
  expect(() => environmentMonthlyUsd({ ...anEnvironment, aws: { ...aws, auditLogs: true } })).toThrow(
    "no price for 'logs/vended-s3' in eu-central-1",
  );
});

const placed = fc.record({
  platform: fc.constantFrom('ecs' as const, 'vm' as const, 'kubernetes' as const),
  size: fc.constantFrom(
    { vcpu: 0.25, memoryMiB: 2048 },
    { vcpu: 0.5, memoryMiB: 2048 },
    { vcpu: 1, memoryMiB: 4096 },
    { vcpu: 2, memoryMiB: 4096 },
  ),
  least: fc.integer({ min: 1, max: 4 }),
  more: fc.integer({ min: 0, max: 3 }),
});

test('in every region more replicas never cost less, parts sum to the total, and a line is price times quantity', () => {
  fc.assert(
    fc.property(fc.constantFrom(...pricedRegions), placed, fc.integer({ min: 1, max: 3 }), (region, given, added) => {
      const { platform, size, least, more } = given;
      const cost = (min: number, max: number, at: 'min' | 'max') =>
        environmentMonthlyUsd(
          {
            ...anEnvironment,
            aws: { ...anAws, region, architecture: 'arm64' },
            kubernetes: { instanceType: 'm7g.xlarge', ownCluster: true },
            tiers: { chat: [{ ...aPlacement, platform, ...size, replicas: { min, max } }] },
          },
          at,
        );
      const lines = cost(least, least + more, 'max');
      const total = totalUsd(lines);
      expect(totalUsd(cost(least, least + more + added, 'max'))).toBeGreaterThanOrEqual(total);
      expect(totalUsd(cost(least, least + more, 'min'))).toBeLessThanOrEqual(total);
      const parts = partTotals(lines).reduce((sum, { monthlyUsd }) => sum + monthlyUsd, 0);
      expect(parts).toBeCloseTo(total, 6);
      for (const line of lines) expect(line.monthlyUsd).toBeCloseTo(line.unitPriceUsd * line.quantity, 9);
    }),
    { numRuns: 60 },
  );
});
