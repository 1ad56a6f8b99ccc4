/**
 * A small part of AWS's price list in its format (index.csv of a region's offers, five lines before the table), with rows
 * that look like ours and are not: extended support, Windows, Outposts, another engine, a reservation, a higher tier.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const columns = [
  'SKU',
  'OfferTermCode',
  'RateCode',
  'TermType',
  'PriceDescription',
  'EffectiveDate',
  'StartingRange',
  'EndingRange',
  'Unit',
  'PricePerUnit',
  'Currency',
  'Product Family',
  'serviceCode',
  'Database Engine',
  'Deployment Option',
  'Cache Engine',
  'usageType',
  'operation',
];

type Cells = Readonly<Record<string, string>>;
const row = (usageType: string, price: string, more: Cells = {}): Cells => ({
  TermType: 'OnDemand',
  StartingRange: '0',
  EndingRange: 'Inf',
  PricePerUnit: price,
  Currency: 'USD',
  usageType,
  ...more,
});
const postgres = { 'Database Engine': 'PostgreSQL' };

export const frankfurt: Readonly<Record<string, readonly Cells[]>> = {
  AmazonECS: [
    row('EUC1-Fargate-vCPU-Hours:perCPU', '0.0465600000'),
    row('EUC1-Fargate-ARM-vCPU-Hours:perCPU', '0.0372500000'),
    row('EUC1-Fargate-Windows-vCPU-Hours:perCPU', '0.0910400000'),
    row('EUC1-Fargate-GB-Hours', '0.0051100000'),
  ],
  AmazonEC2: [
    row('EUC1-BoxUsage:t3.micro', '0.0120000000', { operation: 'RunInstances' }),
    row('EUC1-BoxUsage:t3.micro', '0.0212000000', { operation: 'RunInstances:0002' }),
    row('EUC1-BoxUsage:t3.micro', '0.0070000000', { operation: 'RunInstances', TermType: 'Reserved' }),
    row('EUC1-NatGateway-Hours', '0.0520000000'),
  ],
  AmazonRDS: [
    row('EUC1-InstanceUsage:db.t4g.micro', '0.0190000000', postgres),
    row('EUC1-InstanceUsage:db.t4g.micro', '0.0170000000', { 'Database Engine': 'MySQL' }),
    row('EUC1-Multi-AZUsage:db.t4g.micro', '0.0370000000', postgres),
    row('EUC1-ExtendedSupport:Yr1-Yr2:InstanceUsage:db.t4g.micro', '0.1000000000', postgres),
  ],
  AmazonElastiCache: [
    row('EUC1-ExtendedSupportYr3-NodeUsage:cache.t4g.micro', '0.0290000000', { 'Cache Engine': 'Redis' }),
    row('EUC1-NodeUsage:cache.t4g.micro', '0.0180000000', { 'Cache Engine': 'Redis' }),
    row('EUC1-NodeUsage:cache.t4g.micro', '0.0144000000', { 'Cache Engine': 'Valkey' }),
  ],
  AWSELB: [
    row('EUC1-LoadBalancerUsage', '0.0270000000', { 'Product Family': 'Load Balancer-Application' }),
    row('EUC1-LoadBalancerUsage', '0.0280000000', { 'Product Family': 'Load Balancer-Network' }),
    row('EUC1-Outposts-LoadBalancerUsage', '0.0300000000', { 'Product Family': 'Load Balancer-Application' }),
    row('EUC1-LCUUsage', '0.0080000000', { 'Product Family': 'Load Balancer-Application' }),
  ],
  AmazonVPC: [row('EUC1-VpcEndpoint-Hours', '0.0120000000')],
  AmazonS3: [
    row('EUC1-TimedStorage-ByteHrs', '0.0235000000', { StartingRange: '51200' }),
    row('EUC1-TimedStorage-ByteHrs', '0.0245000000'),
    row('EUC1-Requests-Tier1', '0.0000054000'),
  ],
  AmazonECR: [row('EUC1-TimedStorage-ByteHrs', '0.1000000000')],
  AmazonCloudWatch: [row('EUC1-DataProcessing-Bytes', '0.6300000000')],
  AWSSecretsManager: [row('EUC1-AWSSecretsManager-Secrets', '0.4000000000')],
  awskms: [row('eu-central-1-KMS-Keys', '1.0000000000'), row('us-east-1-KMS-Keys', '1.0000000000')],
  AmazonRoute53: [],
  AmazonEKS: [],
  AWSDataTransfer: [
    row('EUC1-DataTransfer-Out-Bytes', '0.0000000000'),
    row('EUC1-DataTransfer-Out-Bytes', '0.0900000000', { StartingRange: '100' }),
    row('EUC1-DataTransfer-Out-Bytes', '0.0850000000', { StartingRange: '10240' }),
    row('EUC1-DataTransfer-Regional-Bytes', '0.0100000000'),
    row('EUC1-DataTransfer-Regional-Bytes', '0.0200000000'),
  ],
};

function csv(offer: string, rows: readonly Cells[], head: readonly string[]): string {
  const line = (cells: readonly string[]) => cells.map((cell) => `"${cell}"`).join(',');
  return [
    line(['FormatVersion', 'v1.0']),
    line(['Disclaimer', 'This pricing list is for informational purposes only.']),
    line(['Publication Date', offer === 'AmazonS3' ? '2026-10-31T09:22:25Z' : '2026-11-20T12:14:48Z']),
    line(['Version', '20261120121448']),
    line(['OfferCode', offer]),
    line(head),
    ...rows.map((cells) => line(head.map((column) => cells[column] ?? ''))),
  ].join('\n');
}

/** The list as a server gives it. @param head the table's columns */
export async function servePriceList(
  region: string,
  list: typeof frankfurt,
  head: readonly string[] = columns,
): Promise<{ readonly url: string; readonly close: () => void }> {
  const server = createServer((request, response) => {
    const [, offer = ''] =
      new RegExp(`^/offers/v1.0/aws/(\\w+)/current/${region}/index.csv$`).exec(request.url ?? '') ?? [];
    const rows = list[offer];
    if (!rows) return void response.writeHead(404).end();
    response.end(csv(offer, rows, head));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}
