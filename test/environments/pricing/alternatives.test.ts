import { describe, expect, test } from '@jest/globals';
import { alternativesFor } from '../../../environments/pricing/alternatives.ts';
import type { CostedEnvironment } from '../../../environments/pricing/costed-environment.ts';
import { environmentMonthlyUsd } from '../../../environments/pricing/environment-cost.ts';
import { totalUsd } from '../../../environments/pricing/lines.ts';
import type { Placement } from '../../../environments/schema/placement.ts';
import { anAws, anEnvironment, aPlacement } from './an-environment.ts';

const changes = (environment: CostedEnvironment) => alternativesFor(environment).map(({ change }) => change);
const withTiers = (tiers: CostedEnvironment['tiers']): CostedEnvironment => ({ ...anEnvironment, tiers });
const least: CostedEnvironment['aws'] = { ...anAws, nat: 'instance', architecture: 'arm64' };

const large: CostedEnvironment = {
  ...anEnvironment,
  tiers: {
    chat: [{ ...aPlacement, vcpu: 0.5, memoryMiB: 2048, replicas: { min: 2, max: 4 } }],
    'document-worker': [{ ...aPlacement, platform: 'vm', vcpu: 0.5, memoryMiB: 1024, replicas: { min: 2, max: 2 } }],
  },
  aws: {
    ...anAws,
    nat: 'per-az',
    postgres: { ...anAws.postgres, multiAz: true },
    redis: { nodeType: 'cache.t4g.small', nodes: 2 },
  },
};

describe('the cheaper single changes', () => {
  test('of an environment', () => {
    expect(changes(large)).toEqual([
      'chat: replicas at most 4 -> 3',
      'chat: replicas at most 4 -> 2',
      'chat: vcpu 0.5, memoryMiB 2048 -> vcpu 0.5, memoryMiB 1024',
      'chat: vcpu 0.5, memoryMiB 2048 -> vcpu 0.25, memoryMiB 2048',
      'chat: vcpu 0.5, memoryMiB 2048 -> vcpu 0.25, memoryMiB 1024',
      'document-worker: replicas 2 -> 1',
      'document-worker: vcpu 0.5, memoryMiB 1024 -> vcpu 0.4, memoryMiB 1024',
      "document-worker: platform 'vm' -> 'ecs'",
      "nat 'per-az' -> 'single'",
      "nat 'per-az' -> 'instance'",
      'postgres: multiAz true -> false',
      "postgres: instanceClass 'db.t4g.small' -> 'db.t4g.micro'",
      'redis: nodes 2 -> 1',
      "redis: nodeType 'cache.t4g.small' -> 'cache.t4g.micro'",
      "architecture 'x86_64' -> 'arm64'",
    ]);
  });

  test('of a budget on an instance lead to the next cheaper instance', () => {
    const environment = { ...withTiers({ api: [{ ...aPlacement, platform: 'vm' }] }), aws: least };
    expect(changes(environment)).toContain('api: vcpu 2, memoryMiB 4096 -> vcpu 2, memoryMiB 3456');
  });

  test('never go below half a budget: the cheaper t4g.large guarantees 0.6 vCPU and is passed over', () => {
    const api = { ...aPlacement, platform: 'vm', vcpu: 2, memoryMiB: 1024 } as const;
    const own = changes({ ...withTiers({ api: [api] }), aws: least }).filter((change) =>
      change.startsWith('api: vcpu'),
    );
    expect(own).toEqual(['api: vcpu 2, memoryMiB 1024 -> vcpu 1, memoryMiB 1024']);
  });

  test('of replicas that are always on go down one by one, each costed by itself', () => {
    const three = { ...aPlacement, replicas: { min: 3, max: 3 } };
    const told = alternativesFor(withTiers({ api: [three] })).filter(({ change }) => change.includes('replicas'));
    expect(told.map(({ change }) => change)).toEqual(['api: replicas 3 -> 2', 'api: replicas 3 -> 1']);
    for (const at of ['min', 'max'] as const)
      for (const count of [2, 1]) {
        const after = withTiers({ api: [{ ...three, replicas: { min: count, max: count } }] });
        const step = alternativesFor(withTiers({ api: [three] }), at).find(({ change }) =>
          change.endsWith(`3 -> ${count}`),
        );
        expect(step?.lines).toEqual(environmentMonthlyUsd(after, at));
      }
  });

  test('to another platform keep the share of spot capacity where there is any', () => {
    const told = (placement: Placement, to: string) =>
      alternativesFor(withTiers({ api: [placement] })).find(({ change }) => change.endsWith(`-> '${to}'`))?.lines;
    const lines = (placement: Placement) => environmentMonthlyUsd(withTiers({ api: [placement] }));
    const size = { vcpu: 0.5, memoryMiB: 1024, replicas: { min: 2, max: 2 } };
    const small = { ...aPlacement, ...size, platform: 'vm', spotPercent: 50 } as const;
    expect(told(small, 'ecs')).toEqual(lines({ ...small, platform: 'ecs' }));
    expect(told(small, 'ecs')).not.toEqual(lines({ ...small, platform: 'ecs', spotPercent: 0 }));
  });

  test.each([
    ['memory alone, on the same CPU', { vcpu: 0.5, memoryMiB: 4096 }, 'vcpu 0.5, memoryMiB 3072'],
    ['CPU alone, with the same memory', { vcpu: 1, memoryMiB: 2048 }, 'vcpu 0.5, memoryMiB 2048'],
  ])('of a Fargate size take %s', (_, size, smaller) => {
    const own = changes(withTiers({ api: [{ ...aPlacement, ...size }] }));
    expect(own).toContain(`api: vcpu ${size.vcpu}, memoryMiB ${size.memoryMiB} -> ${smaller}`);
  });

  test('of a budget on an instance never go below half its memory', () => {
    const api = { ...aPlacement, platform: 'vm', vcpu: 0.2, memoryMiB: 3400 } as const;
    for (const change of changes({ ...withTiers({ api: [api] }), aws: least }))
      if (change.startsWith('api: vcpu')) expect(Number(change.split(' ').at(-1))).toBeGreaterThanOrEqual(1700);
  });

  test.each([
    ['us-east-1', 'db.t4g.large', 'db.t4g.medium', 'cache.t4g.medium', 'cache.t4g.small'],
    ['us-east-1', 'db.t4g.medium', 'db.t4g.small', 'cache.r6g.large', 'cache.t4g.medium'],
    ['ap-northeast-2', 'db.t4g.medium', 'db.t4g.small', 'cache.t4g.medium', 'cache.t4g.small'],
    ['ap-northeast-2', 'db.r6g.large', 'db.m7g.large', 'cache.r6g.large', 'cache.t4g.medium'],
  ] as const)('of stores in %s: from %s to %s, from %s to %s', (region, from, to, node, smallerNode) => {
    for (const engine of ['valkey', 'redis'] as const) {
      const postgres = { ...anAws.postgres, instanceClass: from };
      const aws = { ...least, region, postgres, redis: { nodeType: node, nodes: 1, engine } };
      expect(changes({ ...withTiers({}), aws }).filter((change) => /^(?:postgres|redis): /.test(change))).toEqual([
        `postgres: instanceClass '${from}' -> '${to}'`,
        `redis: nodeType '${node}' -> '${smallerNode}'`,
      ]);
    }
  });

  test('are none where everything is least', () => {
    const postgres = { ...anAws.postgres, instanceClass: 'db.t4g.micro' };
    const tiers = { api: [{ ...aPlacement, vcpu: 0.25, memoryMiB: 512 }] };
    expect(changes({ ...withTiers(tiers), aws: { ...least, postgres } })).toEqual([]);
  });

  test('never turn to what cannot be: a budget that is no Fargate size stays on its instance', () => {
    const odd = { ...aPlacement, platform: 'vm', vcpu: 1.5, memoryMiB: 5000 } as const;
    expect(changes(withTiers({ api: [odd] })).filter((change) => change.includes('platform'))).toEqual([]);
  });

  test("never take the way out: no nat 'none'", () => {
    expect(changes(anEnvironment).filter((change) => change.includes("'none'"))).toEqual([]);
  });

  test('each cost what the cost functions say, and less than before', () => {
    const before = totalUsd(environmentMonthlyUsd(anEnvironment));
    const options = alternativesFor(anEnvironment);
    expect(options.length).toBeGreaterThan(8);
    for (const { lines } of options) expect(totalUsd(lines)).toBeLessThan(before);
    const single = options.find(({ change }) => change === "nat 'single' -> 'instance'");
    const expected = environmentMonthlyUsd({ ...anEnvironment, aws: { ...anAws, nat: 'instance' } });
    expect(single?.lines).toEqual(expected);
  });

  test('cost what they say, each changed in that and in nothing else', () => {
    const chat = large.tiers.chat?.[0] as Placement;
    const worker = large.tiers['document-worker']?.[0] as Placement;
    const tier = (name: string, placement: Placement): CostedEnvironment => ({
      ...large,
      tiers: { ...large.tiers, [name]: [placement] },
    });
    const aws = (changed: Partial<CostedEnvironment['aws']>) => ({ ...large, aws: { ...large.aws, ...changed } });
    const { postgres, redis } = large.aws;
    const expected = [
      tier('chat', { ...chat, replicas: { min: 2, max: 3 } }),
      tier('chat', { ...chat, replicas: { min: 2, max: 2 } }),
      tier('chat', { ...chat, memoryMiB: 1024 }),
      tier('chat', { ...chat, vcpu: 0.25 }),
      tier('chat', { ...chat, vcpu: 0.25, memoryMiB: 1024 }),
      tier('document-worker', { ...worker, replicas: { min: 1, max: 1 } }),
      tier('document-worker', { ...worker, vcpu: 0.4 }),
      tier('document-worker', { ...worker, platform: 'ecs', spotPercent: 0 }),
      aws({ nat: 'single' }),
      aws({ nat: 'instance' }),
      aws({ postgres: { ...postgres, multiAz: false } }),
      aws({ postgres: { ...postgres, instanceClass: 'db.t4g.micro' } }),
      aws({ redis: { ...redis, nodes: 1 } }),
      aws({ redis: { ...redis, nodeType: 'cache.t4g.micro' } }),
      aws({ architecture: 'arm64' }),
    ];
    for (const at of ['min', 'max'] as const) {
      const told = new Map(alternativesFor(large, at).map(({ change, lines }) => [change, lines]));
      const before = totalUsd(environmentMonthlyUsd(large, at));
      changes(large).forEach((change, index) => {
        const lines = environmentMonthlyUsd(expected[index] as CostedEnvironment, at);
        expect([change, told.get(change)]).toEqual([change, totalUsd(lines) < before ? lines : undefined]);
      });
    }
  });

  test('of one tier keep its other placements, and go on from there', () => {
    const vm = { ...aPlacement, platform: 'vm', vcpu: 0.5, memoryMiB: 1024, replicas: { min: 2, max: 2 } } as const;
    const two = withTiers({ api: [vm, { ...aPlacement, replicas: { min: 1, max: 2 } }] });
    const fewer = alternativesFor(two).find(({ change }) => change === 'api: replicas 2 -> 1');
    const [, second] = two.tiers.api ?? [];
    const after = withTiers({ api: [{ ...vm, replicas: { min: 1, max: 1 } }, second as Placement] });
    expect(fewer?.lines).toEqual(environmentMonthlyUsd(after));
    expect(fewer?.next?.().map(({ change }) => change)).toEqual(changes(after));
  });

  test('of a placement on this machine, or in a cluster, are fewer replicas alone', () => {
    const own = changes(withTiers({ api: [{ ...aPlacement, platform: 'local' }] }));
    expect(own.filter((change) => change.startsWith('api: '))).toEqual([]);
  });
});
