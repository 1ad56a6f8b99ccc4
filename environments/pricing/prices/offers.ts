/**
 * What AWS's own price list calls our items. A row of an offer file (index.csv) is an item by its usage type, without the
 * region's prefix, and where that is not enough by engine or family. Extended support, Outposts and other surcharges have
 * usage types of their own, and match none.
 */
import { z } from 'zod';

/** The offers to read. */
export const offers = [
  'AmazonECS',
  'AmazonEC2',
  'AmazonRDS',
  'AmazonElastiCache',
  'AWSELB',
  'AmazonVPC',
  'AmazonS3',
  'AmazonECR',
  'AmazonCloudWatch',
  'AWSSecretsManager',
  'awskms',
  'AmazonRoute53',
  'AmazonEKS',
  'AWSDataTransfer',
] as const;
export type Offer = (typeof offers)[number];

/** Of usage types; us-east-1 is the oldest and has often none. */
const prefixes: Readonly<Record<string, readonly string[]>> = {
  'us-east-1': ['USE1-', ''],
  'ap-northeast-2': ['APN2-'],
  'eu-central-1': ['EUC1-'],
};
export const refreshableRegions = Object.keys(prefixes);

const text = z.string().optional();
/** The columns that are read; a list without them is another format. */
const rowSchema = z.object({
  TermType: z.string(),
  StartingRange: z.string(),
  PricePerUnit: z.coerce.number().min(0),
  Currency: z.string(),
  usageType: z.string(),
  operation: text,
  'Product Family': text,
  'Database Engine': text,
  'Cache Engine': text,
});
export type OfferRow = z.output<typeof rowSchema>;

/** @throws Error naming the offer, and what of the format is not as it was */
export function offerRow(offer: Offer, given: unknown): OfferRow {
  const { success, data, error } = rowSchema.safeParse(given);
  if (success) return data;
  throw new Error(`the price list of ${offer} has another format than expected:\n${z.prettifyError(error)}`);
}

type Names = Readonly<Record<string, string | ((row: OfferRow) => string | undefined)>>;

const isPostgres = (row: OfferRow) => ['PostgreSQL', 'Any'].includes(row['Database Engine'] ?? 'Any');
const ifPostgres = (item: string) => (row: OfferRow) => (isPostgres(row) ? item : undefined);
const balancer = (unit: string) => (row: OfferRow) =>
  ({ 'Load Balancer-Application': `alb/${unit}`, 'Load Balancer-Network': `nlb/${unit}` })[row['Product Family'] ?? ''];

const named: Readonly<Partial<Record<Offer, Names>>> = {
  AmazonECS: {
    'Fargate-vCPU-Hours:perCPU': 'fargate/vcpu/x86_64',
    'Fargate-ARM-vCPU-Hours:perCPU': 'fargate/vcpu/arm64',
    'Fargate-GB-Hours': 'fargate/gb/x86_64',
    'Fargate-ARM-GB-Hours': 'fargate/gb/arm64',
    'Fargate-EphemeralStorage-GB-Hours': 'fargate/ephemeral-gb',
  },
  AmazonEC2: {
    'EBS:VolumeUsage.gp3': 'ebs/gp3',
    'NatGateway-Hours': 'nat/hour',
    'NatGateway-Bytes': 'nat/gb',
  },
  AmazonRDS: {
    'RDS:GP3-Storage': ifPostgres('rds/gp3'),
    'RDS:Multi-AZ-GP3-Storage': ifPostgres('rds/gp3/multi-az'),
    'RDS:ChargedBackupUsage': ifPostgres('rds/backup'),
  },
  AWSELB: { LoadBalancerUsage: balancer('hour'), LCUUsage: balancer('lcu') },
  AmazonVPC: {
    'VpcEndpoint-Hours': 'endpoint/hour',
    'VpcEndpoint-Bytes': 'endpoint/gb',
    'PublicIPv4:InUseAddress': 'ipv4/hour',
  },
  AmazonS3: { 'TimedStorage-ByteHrs': 's3/standard', 'Requests-Tier1': 's3/put', 'Requests-Tier2': 's3/get' },
  AmazonECR: { 'TimedStorage-ByteHrs': 'ecr/storage' },
  AmazonCloudWatch: {
    'DataProcessing-Bytes': 'logs/ingest',
    'TimedStorage-ByteHrs': 'logs/storage',
    'CW:AlarmMonitorUsage': 'cloudwatch/alarm',
    'CW:MetricMonitorUsage': 'cloudwatch/metric',
  },
  AWSSecretsManager: { 'AWSSecretsManager-Secrets': 'secrets/secret' },
  AmazonRoute53: { HostedZone: 'route53/zone' },
  AmazonEKS: { 'AmazonEKS-Hours:perCluster': 'eks/hour' },
  AWSDataTransfer: {
    'DataTransfer-Out-Bytes': 'transfer/out',
    'DataTransfer-Regional-Bytes': 'transfer/cross-az',
  },
};
/** Billed by one, priced here by the thousand. */
const factors: Readonly<Record<string, number>> = { 's3/put': 1000, 's3/get': 1000 };

/** @returns undefined for what costs us nothing: most of a list */
export function itemOf(offer: Offer, region: string, row: OfferRow): { item: string; amountUsd: number } | undefined {
  if (row.TermType !== 'OnDemand' || row.Currency !== 'USD') return undefined;
  const isKey = offer === 'awskms' && row.usageType === `${region}-KMS-Keys`;
  const [item] = isKey
    ? ['kms/key']
    : usagesOf(region, row.usageType).flatMap((type) => nameOf(offer, type, row) ?? []);
  return item === undefined ? undefined : { item, amountUsd: row.PricePerUnit * (factors[item] ?? 1) };
}

const usagesOf = (region: string, usageType: string) =>
  (prefixes[region] ?? []).flatMap((prefix) => (usageType.startsWith(prefix) ? [usageType.slice(prefix.length)] : []));

function nameOf(offer: Offer, usage: string, row: OfferRow): string | undefined {
  const name = named[offer]?.[usage];
  if (name !== undefined) return typeof name === 'string' ? name : name(row);
  const after = (start: string) => (usage.startsWith(start) ? usage.slice(start.length) : undefined);
  const instance = after('BoxUsage:');
  if (offer === 'AmazonEC2' && instance) return row.operation === 'RunInstances' ? `ec2/${instance}` : undefined;
  const single = after('InstanceUsage:');
  if (offer === 'AmazonRDS' && single) return row['Database Engine'] === 'PostgreSQL' ? `rds/${single}` : undefined;
  const double = after('Multi-AZUsage:');
  if (offer === 'AmazonRDS' && double)
    return row['Database Engine'] === 'PostgreSQL' ? `rds/${double}/multi-az` : undefined;
  const node = after('NodeUsage:');
  if (offer === 'AmazonElastiCache' && node) {
    const engine = row['Cache Engine']?.toLowerCase();
    return engine === 'redis' || engine === 'valkey' ? `elasticache/${node}/${engine}` : undefined;
  }
  return undefined;
}

export interface Found {
  /** Of the lowest tier that costs something. */
  readonly amounts: Readonly<Record<string, number>>;
  /** Found at several prices: which one is ours cannot be told. */
  readonly ambiguous: readonly string[];
}

/** Collects rows of a region's offers. @param wanted items; others are no concern of ours */
export class FoundPrices {
  readonly #region: string;
  readonly #wanted: ReadonlySet<string>;
  readonly #found = new Map<string, { from: number; amounts: Set<number> }>();

  constructor(region: string, wanted: ReadonlySet<string>) {
    this.#region = region;
    this.#wanted = wanted;
  }

  add(offer: Offer, row: OfferRow): void {
    const found = itemOf(offer, this.#region, row);
    if (!found || found.amountUsd === 0 || !this.#wanted.has(found.item)) return;
    const from = Number(row.StartingRange) || 0;
    const before = this.#found.get(found.item);
    if (before && before.from < from) return;
    if (before?.from === from) before.amounts.add(found.amountUsd);
    else this.#found.set(found.item, { from, amounts: new Set([found.amountUsd]) });
  }

  result(): Found {
    const all = [...this.#found].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return {
      amounts: Object.fromEntries(
        all.filter(([, { amounts }]) => amounts.size === 1).map(([item, { amounts }]) => [item, [...amounts][0] ?? 0]),
      ),
      ambiguous: all.filter(([, { amounts }]) => amounts.size > 1).map(([item]) => item),
    };
  }
}
