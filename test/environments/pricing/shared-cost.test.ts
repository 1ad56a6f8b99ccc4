import { describe, expect, test } from '@jest/globals';
import type { CostedAws, CostedEnvironment } from '../../../environments/pricing/costed-environment.ts';
import { hoursPerMonth, lineMaker, totalUsd } from '../../../environments/pricing/lines.ts';
import { sharedMonthlyUsd } from '../../../environments/pricing/shared-cost.ts';
import { anAws, anEnvironment, aPlacement, noCounts, noUse } from './an-environment.ts';

const bare: CostedEnvironment = { ...anEnvironment, counts: noCounts, usage: noUse };
const lines = (environment: CostedEnvironment, part: string, at: 'min' | 'max' = 'max') =>
  sharedMonthlyUsd(environment, at).filter((line) => line.part === part && line.quantity > 0);
const short = (environment: CostedEnvironment, part: string) =>
  lines(environment, part).map(({ what, monthlyUsd }) => [what, Math.round(monthlyUsd * 100) / 100]);
const notOurs = (environment: CostedEnvironment) =>
  sharedMonthlyUsd(environment, 'max')
    .filter(({ what, monthlyUsd }) => what.includes('not ours') && monthlyUsd === 0)
    .map(({ part, what }) => `${part}: ${what}`);
const withAws = (changes: Partial<CostedAws>): CostedEnvironment => ({ ...bare, aws: { ...anAws, ...changes } });

describe('the network', () => {
  test.each([
    ['none', []],
    [
      'instance',
      [
        ['NAT instance t3.nano', 3.8],
        ['its disk', 0.64],
        ['1 x public IPv4 of the NAT', 3.65],
      ],
    ],
    // 32.85 is what infracost computes as well.
    [
      'single',
      [
        ['1 x NAT gateway', 32.85],
        ['1 x public IPv4 of the NAT', 3.65],
      ],
    ],
    [
      'per-az',
      [
        ['2 x NAT gateway', 65.7],
        ['2 x public IPv4 of the NAT', 7.3],
      ],
    ],
  ] as const)("with nat '%s'", (nat, expected) => {
    expect(short(withAws({ nat }), 'network')).toEqual(expected);
  });

  test('bills each endpoint in each zone', () => {
    const environment = {
      ...withAws({ nat: 'none', endpoints: true }),
      counts: { ...noCounts, interfaceEndpoints: 10 },
    };
    expect(short(environment, 'network')).toEqual([['20 x interface endpoint and zone', 146]]);
  });

  test('bills traffic by use', () => {
    const usage = { ...noUse, outGb: 100, natGb: 10, crossZoneGb: 50 };
    expect(short({ ...bare, usage }, 'network').slice(1)).toEqual([
      ['through the NAT gateway', 0.45],
      ['1 x public IPv4 of the NAT', 3.65],
      ['to the internet', 9],
      ['between zones, both ways', 1],
    ]);
  });
});

test('the object store: by use', () => {
  const usage = { ...noUse, documentsGb: 100, putThousands: 100, getThousands: 100, imagesGb: 10 };
  expect(short({ ...bare, usage }, 'object store')).toEqual([
    ['documents, results, vectors', 2.3],
    ['writes', 0.5],
    ['reads', 0.04],
    ['container images', 1],
  ]);
});

test('balancers: two, their load, and the public addresses', () => {
  // 16.43 is what infracost computes as well.
  expect(short({ ...bare, usage: { ...noUse, balancerLcu: 1 } }, 'balancers')).toEqual([
    ['public balancer', 16.43],
    ['internal balancer', 16.43],
    ['load of both', 11.68],
    ['2 x public IPv4', 7.3],
  ]);
});

describe('stores', () => {
  test('postgres: instance, storage, and backups beyond the free first copy', () => {
    expect(short({ ...bare, usage: { ...noUse, dailyChangeShare: 0.05 } }, 'postgres')).toEqual([
      ['db.t4g.small', 23.36],
      ['storage', 4.6],
      ['backups of 10 days', 1.9],
      ['its log', 0.05],
    ]);
  });

  test('postgres with a standby costs twice', () => {
    const single = totalUsd(lines(bare, 'postgres'));
    const standby = totalUsd(lines(withAws({ postgres: { ...anAws.postgres, multiAz: true } }), 'postgres'));
    // 0.065 is the list's rounding of twice 0.032.
    expect(standby / single).toBeCloseTo(2, 1);
  });

  test('redis: nodes of the engine; Valkey when it is not said', () => {
    const { engine: _, ...redis } = { ...anAws.redis, nodes: 2 };
    expect(short(withAws({ redis }), 'redis')).toEqual([['2 x cache.t4g.micro, valkey', 18.69]]);
    expect(short(withAws({ redis: { ...redis, engine: 'redis' } }), 'redis')).toEqual([
      ['2 x cache.t4g.micro, redis', 23.36],
    ]);
  });

  test('an unknown class is refused with the nearest', () => {
    const postgres = { ...anAws.postgres, instanceClass: 'db.t4g.smal' };
    expect(() => sharedMonthlyUsd(withAws({ postgres }), 'max')).toThrow("nearest: 'rds/db.t4g.small'");
  });
});

test('what is billed by the piece has a line only where there is one', () => {
  expect(short(bare, 'keys and alarms')).toEqual([]);
  const counts = {
    ...noCounts,
    secrets: 5,
    kmsKeys: 1,
    alarms: 30,
    dashboards: 1,
    metrics: 4,
    hostedZones: 1,
    wafRules: 2,
  };
  const usage = { ...noUse, publicRequestMillions: 2 };
  expect(short({ ...bare, counts, usage }, 'keys and alarms')).toEqual([
    ['5 x secrets', 2],
    ['1 x encryption keys', 1],
    ['30 x metrics that alarms read', 3],
    ['1 x dashboards', 3],
    ['4 x custom metrics', 1.2],
    ['1 x hosted zones', 0.5],
    ['1 x web firewall', 5],
    ['2 x its rules', 2],
    ['requests it looks at', 1.2],
  ]);
});

test.each<[string, Partial<CostedAws>, string]>([
  ['key', { existing: { keyArn: 'arn:aws:kms:us-east-1:111122223333:key/0' } }, 'encryption key'],
  ['hosted zone', { hostedZoneId: 'Z0123456789' }, 'hosted zone'],
])('a %s that is named is not ours', (_, aws, what) => {
  expect(notOurs(withAws(aws))).toEqual([`keys and alarms: ${what}: not ours`]);
});

describe('a cluster', () => {
  const kubernetes = { instanceType: 'm7g.large', nodes: 3, ownCluster: true };
  const pods = {
    ...aPlacement,
    platform: 'kubernetes',
    // Half of what a node leaves to pods.
    vcpu: 0.865,
    memoryMiB: 1024,
    replicas: { min: 2, max: 4 },
  } as const;
  const environment: CostedEnvironment = { ...bare, tiers: { chat: [pods] }, kubernetes };

  test('bills its control plane and the room that no tier takes', () => {
    expect(short(environment, 'kubernetes')).toEqual([
      ['control plane', 73],
      ['3 x 20 GiB disk', 4.8],
      ['room left on 3 x m7g.large', 59.57],
    ]);
    const least = lines(environment, 'kubernetes', 'min').at(-1);
    expect(least?.quantity).toBe(2 * hoursPerMonth);
  });

  test('of its own bills as many nodes as its budgets need, and the log of its control plane', () => {
    // Four pods of half a node and five of the cluster's own of 5.8 %: 2.29 of nodes that may be half full, so five.
    const own = { ...environment, kubernetes: { instanceType: 'm7g.large', ownCluster: true } };
    expect(short({ ...own, usage: { ...noUse, controlPlaneLogGb: 2 } }, 'kubernetes')).toEqual([
      ['control plane', 73],
      ['its log', 1],
      ['its log kept', 0.06],
      ['5 x 20 GiB disk', 8],
      // Three of five nodes at $0.0816 an hour.
      ['room left on 5 x m7g.large', 178.7],
    ]);
  });

  test('of others bills neither', () => {
    const others = { ...environment, kubernetes: { ...kubernetes, nodes: 0, ownCluster: false } };
    expect(notOurs(others)).toEqual(['kubernetes: control plane: not ours']);
    expect(notOurs(environment)).toEqual([]);
    expect(short({ ...environment, kubernetes: { ...kubernetes, nodes: 0, ownCluster: false } }, 'kubernetes')).toEqual(
      [],
    );
  });

  test('is taken by its own tiers alone, and may be taken to the last node', () => {
    const elsewhere = { ...environment, tiers: { chat: [pods], api: [aPlacement] } };
    expect(short(elsewhere, 'kubernetes')).toEqual(short(environment, 'kubernetes'));
    const full = { ...environment, kubernetes: { ...kubernetes, nodes: 2 } };
    expect(short(full, 'kubernetes')).toEqual([
      ['control plane', 73],
      ['2 x 20 GiB disk', 3.2],
    ]);
  });

  test('that is too small is refused', () => {
    expect(() => sharedMonthlyUsd({ ...environment, kubernetes: { ...kubernetes, nodes: 1 } }, 'max')).toThrow(
      "tiers on 'kubernetes' need 2 x m7g.large, given nodes 1; nearest: nodes 2",
    );
  });
});

test('a quantity that is no number is refused', () => {
  const line = lineMaker('network', 'us-east-1');
  expect(() => line('traffic', Number.NaN, 'nat/gb')).toThrow(
    "given quantity NaN of 'nat/gb' for network; allowed: a finite number of at least 0",
  );
  expect(() => line('traffic', -1, 'nat/gb')).toThrow('given quantity -1');
});

test('every line, also one that costs nothing, says what it is', () => {
  const environments = [
    bare,
    anEnvironment,
    withAws({ nat: 'none' }),
    withAws({ nat: 'instance' }),
    withAws({ endpoints: true }),
    withAws({ postgres: { ...anAws.postgres, multiAz: true } }),
  ];
  for (const environment of environments)
    for (const line of sharedMonthlyUsd(environment, 'max')) {
      expect(line).toEqual({
        part: expect.stringMatching(/^[a-z]/),
        what: expect.stringMatching(/\w/),
        quantity: expect.any(Number),
        unit: expect.stringMatching(/\w/),
        unitPriceUsd: expect.any(Number),
        monthlyUsd: line.quantity * line.unitPriceUsd,
      });
    }
});

test('what there is none of has no line, but for what is billed by use', () => {
  const what = (environment: CostedEnvironment) => sharedMonthlyUsd(environment, 'max').map((line) => line.what);
  expect(
    what(withAws({ nat: 'none' })).filter((each) => /NAT|endpoint|secrets|alarms|firewall|control plane/.test(each)),
  ).toEqual([]);
  expect(what(withAws({ postgres: { ...anAws.postgres, multiAz: true } })).join()).toContain(', with standby');
});
