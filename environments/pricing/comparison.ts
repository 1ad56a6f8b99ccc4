/**
 * The smallest environment that is always on, beside dify-self-hosted-on-aws's published $47.9 a month
 * (github.com/aws-samples/dify-self-hosted-on-aws, README at c0ca137, "less expensive configuration", us-east-1).
 *
 * That figure cannot be met at equal function, and the reasons can be counted: its database is Aurora at 0 ACU, which
 * is switched off after minutes without a query and takes some 15 s to come back
 * (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2-auto-pause.html), and all its tasks run on Spot
 * capacity, which may end at any moment and is not replaced while there is none. Here nothing is switched off and only
 * document-worker may be on Spot. So the published list is repeated with the same prices, always on and on demand.
 */

import { definitionOf, serviceNames } from '../../services/manifest.ts';
import { aligned, dollars } from './cost-table.ts';
import type { CostedEnvironment } from './costed-environment.ts';
import { environmentMonthlyUsd } from './environment-cost.ts';
import { type CostLine, hoursPerMonth, totalUsd } from './lines.ts';
import { price } from './prices/prices.ts';

/** Each tier on the smallest Fargate task: 1.25 vCPU and 2.5 GiB in all, exactly what the published list runs on. */
export function smallestEnvironment(region: string): CostedEnvironment {
  const smallest = { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, replicas: { min: 1, max: 1 } } as const;
  const place = [{ ...smallest, weight: 100, spotPercent: 0, options: {} }];
  return {
    name: 'smallest',
    tiers: Object.fromEntries(required.map((name) => [name, place])),
    aws: {
      region,
      zones: ['a', 'b'],
      architecture: 'arm64',
      nat: 'instance',
      endpoints: false,
      postgres: { instanceClass: 'db.t4g.micro', storageGiB: 20, multiAz: false, backupDays: 7 },
      redis: { nodeType: 'cache.t4g.micro', nodes: 1, engine: 'valkey' },
      logRetentionDays: 30,
    },
    // As the stacks of the bench environment make them.
    counts: {
      secrets: 6,
      kmsKeys: 1,
      alarms: 13,
      dashboards: 1,
      metrics: 23,
      interfaceEndpoints: 0,
      hostedZones: 0,
      wafRules: 0,
    },
  };
}

export interface ComparisonRow {
  readonly function: string;
  /** As published; paused database, Spot tasks. */
  readonly publishedUsd: number;
  /** The same parts, always on and on demand, at our prices. */
  readonly alwaysOnUsd: number;
  /** {@link smallestEnvironment}. */
  readonly oursUsd: number;
}

/** Line by line, for us-east-1, where the published figure is from. Only what the published list counts. */
export function difyComparison(): readonly ComparisonRow[] {
  const region = 'us-east-1';
  const ours = environmentMonthlyUsd(smallestEnvironment(region));
  const sum = (choose: (line: CostLine) => boolean) => totalUsd(ours.filter(choose));
  const hours = (item: string, quantity: number) => quantity * hoursPerMonth * price(item, region).amountUsd;
  const task = (vcpu: number, gib: number) => hours('fargate/vcpu/x86_64', vcpu) + hours('fargate/gb/x86_64', gib);
  return [
    row(
      'database',
      0,
      hours('aurora/acu', 0.5),
      sum(({ what }) => what === 'db.t4g.micro'),
    ),
    row(
      'cache',
      9.2,
      hours('elasticache/cache.t4g.micro/valkey', 1),
      sum(({ part }) => part === 'redis'),
    ),
    row(
      'web tier',
      2.7,
      task(0.25, 0.5),
      sum(({ part, what }) => part === 'web' && running(what)),
    ),
    row(
      'all other tiers',
      10.7,
      task(1, 2),
      sum(({ part, what }) => others.includes(part) && running(what)),
    ),
    row(
      'public balancer',
      17.5,
      hours('alb/hour', 1),
      sum(({ what }) => what === 'public balancer'),
    ),
    row(
      'internal balancer',
      0,
      0,
      sum(({ what }) => what === 'internal balancer'),
    ),
    row(
      'way out',
      3,
      hours('ec2/t4g.nano', 1),
      sum(({ what }) => what === 'NAT instance t4g.nano'),
    ),
    row(
      'its public address',
      3.6,
      hours('ipv4/hour', 1),
      sum(({ what }) => what.endsWith('IPv4 of the NAT')),
    ),
    row(
      'secrets',
      1.2,
      3 * price('secrets/secret', region).amountUsd,
      sum(({ what }) => what.endsWith('secrets')),
    ),
  ];
}

/** {@link difyComparison} for people. */
export function comparisonTable(rows: readonly ComparisonRow[] = difyComparison()): string {
  const cells = (name: string, columns: readonly number[]) => [name, ...columns.map(dollars)];
  const columns = ({ publishedUsd, alwaysOnUsd, oursUsd }: ComparisonRow) => [publishedUsd, alwaysOnUsd, oursUsd];
  const sum = (column: number) => rows.reduce((total, each) => total + (columns(each)[column] ?? 0), 0);
  return aligned(
    [
      ['USD a month, us-east-1', 'published', 'same, always on', 'Bulkhead'],
      'rule',
      ...rows.map((each) => cells(each.function, columns(each))),
      'rule',
      cells('total', [0, 1, 2].map(sum)),
    ],
    [false, true, true, true],
  );
}

/** The least that any composition pays before its first tier runs: balancer, database, cache, way out. */
export function alwaysOnFloorUsd(region: string): number {
  const ours = environmentMonthlyUsd(smallestEnvironment(region));
  const needed = ['public balancer', 'db.t4g.micro', '1 x cache.t4g.micro, valkey', 'NAT instance t4g.nano'];
  return totalUsd(ours.filter(({ what }) => needed.includes(what) || what.endsWith('IPv4 of the NAT')));
}

/** What every environment has. */
const required: readonly string[] = serviceNames.filter((name) => !definitionOf(name).optional);
const others = required.filter((name) => name !== 'web');

/** Tasks themselves; the published list leaves logs and deploys out. */
const running = (what: string): boolean => /^\d+ x /.test(what);

const row = (name: string, publishedUsd: number, alwaysOnUsd: number, oursUsd: number): ComparisonRow => ({
  function: name,
  publishedUsd,
  alwaysOnUsd,
  oursUsd,
});
