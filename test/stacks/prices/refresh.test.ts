import { expect, test } from '@jest/globals';
import { staleWarning } from '../../../environments/pricing/prices/age.ts';
import { priceRows, withRefreshed } from '../../../environments/pricing/prices/prices.ts';
import { refreshRegion } from '../../../stacks/prices/refresh.ts';
import { frankfurt, servePriceList } from './price-list.ts';

async function refreshed(region: string, list: typeof frankfurt, head?: readonly string[]) {
  const { url, close } = await servePriceList(region, list, head);
  try {
    return await refreshRegion(region, url);
  } finally {
    close();
  }
}
const inVirginia = (changes: typeof frankfurt) => ({
  ...Object.fromEntries(Object.keys(frankfurt).map((offer) => [offer, []])),
  ...changes,
});
const fargate = (price: string) => ({
  AmazonECS: [
    {
      TermType: 'OnDemand',
      StartingRange: '0',
      PricePerUnit: price,
      Currency: 'USD',
      usageType: 'USE1-Fargate-vCPU-Hours:perCPU',
    },
  ],
});

test('takes ours from the list, and what only looks like ours is left out', async () => {
  const { refreshed: read, ambiguous, missing } = await refreshed('eu-central-1', frankfurt);
  expect(read.amounts).toEqual({
    'alb/hour': 0.027,
    'alb/lcu': 0.008,
    'ec2/t3.micro': 0.012,
    'ecr/storage': 0.1,
    'elasticache/cache.t4g.micro/redis': 0.018,
    'elasticache/cache.t4g.micro/valkey': 0.0144,
    'endpoint/hour': 0.012,
    'fargate/gb/x86_64': 0.00511,
    'fargate/vcpu/arm64': 0.03725,
    'fargate/vcpu/x86_64': 0.04656,
    'kms/key': 1,
    'logs/ingest': 0.63,
    'nat/hour': 0.052,
    'nlb/hour': 0.028,
    'rds/db.t4g.micro': 0.019,
    'rds/db.t4g.micro/multi-az': 0.037,
    's3/put': expect.closeTo(0.0054, 9),
    's3/standard': 0.0245,
    'secrets/secret': 0.4,
    'transfer/out': 0.09,
  });
  expect(read.asOf).toBe('2026-10-31');
  expect(ambiguous).toEqual(['transfer/cross-az']);
  expect(missing).toContain('eks/hour');
});

test('a price that changed is told; one beyond belief stops it', async () => {
  expect((await refreshed('us-east-1', inVirginia(fargate('0.0500000000')))).changed).toEqual([
    'fargate/vcpu/x86_64: 0.04048 -> 0.05',
  ]);
  await expect(refreshed('us-east-1', inVirginia(fargate('0.4048')))).rejects.toThrow(
    'fargate/vcpu/x86_64 in us-east-1 was 0.04048 and is 0.4048 in the list: more than 3 times, so nothing is written',
  );
});

test('another format, a list that is not there, and an unknown region are refused', async () => {
  await expect(refreshed('us-east-1', inVirginia({}), ['SKU', 'Price'])).rejects.toThrow(
    'the price list of AmazonECS has another format than expected: given columns SKU, Price...; needed: usageType',
  );
  await expect(refreshed('us-east-1', inVirginia(fargate('free')))).rejects.toThrow(
    /^the price list of AmazonECS has another format than expected:\n.*PricePerUnit/s,
  );
  await expect(refreshed('us-east-1', {})).rejects.toThrow(/AmazonECS.* answered 404; prices stay as they are$/);
  await expect(refreshRegion('us-east-1', 'http://127.0.0.1:1')).rejects.toThrow(
    /cannot be read .*; prices stay as they are$/,
  );
  await expect(refreshRegion('mars-1')).rejects.toThrow(
    "given region 'mars-1'; allowed: us-east-1, ap-northeast-2, eu-central-1",
  );
});

test('what was read stands in place of what was copied, with its unit; a region can be new', () => {
  const source = 'AWS Price List, stand-in';
  const rows = withRefreshed(priceRows, {
    'us-east-1': { source, asOf: '2026-11-20', amounts: { 'nat/hour': 0.05 } },
    'eu-central-1': { source, asOf: '2026-11-20', amounts: { 'nat/hour': 0.052 } },
  });
  const nat = rows.filter(({ item, region }) => item === 'nat/hour' && region !== 'ap-northeast-2');
  expect(nat).toEqual([
    { item: 'nat/hour', region: 'us-east-1', amountUsd: 0.05, unit: 'hour', source, asOf: '2026-11-20' },
    { item: 'nat/hour', region: 'eu-central-1', amountUsd: 0.052, unit: 'hour', source, asOf: '2026-11-20' },
  ]);
  expect(rows).toHaveLength(priceRows.length + 1);
});

test('prices older than half a year are said, with what to do', () => {
  const oldest = priceRows
    .filter(({ region }) => region === 'us-east-1')
    .map(({ asOf }) => asOf)
    .toSorted()[0] as string;
  const after = (days: number) => new Date(Date.parse(oldest) + days * 86_400_000);
  expect(staleWarning('us-east-1', after(180))).toBeUndefined();
  expect(staleWarning('us-east-1', after(181))).toMatch(
    new RegExp(
      `^\\d+ prices of us-east-1 are older than 180 days, the oldest of ${oldest}: npm run prices -- refresh us-east-1$`,
    ),
  );
});
