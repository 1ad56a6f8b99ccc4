import { expect, test } from '@jest/globals';
import { costTable } from '../../../environments/pricing/cost-table.ts';
import { costSheet, environmentMonthlyUsd } from '../../../environments/pricing/environment-cost.ts';
import { lineMaker, partTotals, totalUsd } from '../../../environments/pricing/lines.ts';
import { anEnvironment, aPlacement } from './an-environment.ts';

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
