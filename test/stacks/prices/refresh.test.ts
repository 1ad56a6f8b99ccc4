import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { staleWarning } from '../../../environments/pricing/prices/age.ts';
import { priceRows, withRefreshed } from '../../../environments/pricing/prices/prices.ts';
import { checkKept, refreshRegion } from '../../../stacks/prices/refresh.ts';
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
  expect(missing).not.toContain('transfer/cross-az');
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

/** A list that has begun, until `then` ends it or it is left. */
async function begun(table: string, then: (response: ServerResponse) => void = () => {}) {
  const left = Promise.withResolvers<void>();
  const server = createServer((_, response) => {
    response.once('close', left.resolve);
    response.write(`"FormatVersion","v1.0"\n"-"\n"Publication Date","2026-11-20T12:14:48Z"\n"-"\n"-"\n${table}\n`, () =>
      then(response),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const failed = await refreshRegion('us-east-1', url).catch((error: Error) => error.message);
  await left.promise;
  server.close();
  return failed;
}

test('a connection that is lost is told, and a list that is refused is not read on', async () => {
  expect(await begun('"TermType","usageType"', (response) => response.destroy())).toMatch(
    /AmazonECS.* cannot be read .*; prices stay as they are$/,
  );
  expect(await begun('"TermType","usageType"\n"Open', (response) => response.end())).toMatch(
    /cannot be read \(Quote Not Closed.*; prices stay as they are$/,
  );
  expect(await begun(`"SKU","Price"${'\n"1","2"'.repeat(50)}`)).toMatch(
    /^the price list of AmazonECS has another format than expected/,
  );
});

test('a price that was read before and is not in the list stops it', () => {
  const read = (asOf: string, amounts: Record<string, number>) => ({
    source: 'AWS Price List, stand-in',
    asOf,
    amounts,
  });
  const earlier = read('2026-05-01', { 'nat/hour': 0.052, 'eks/hour': 0.1, 'nat/gb': 0.052 });
  expect(() => checkKept('eu-central-1', undefined, earlier)).not.toThrow();
  expect(() =>
    checkKept('eu-central-1', earlier, read('2026-11-20', { ...earlier.amounts, 'kms/key': 1 })),
  ).not.toThrow();
  expect(() => checkKept('eu-central-1', earlier, read('2026-11-20', { 'nat/hour': 0.05 }))).toThrow(
    'eks/hour, nat/gb of eu-central-1 were read on 2026-05-01 and are not in the list of 2026-11-20, or at several prices, so nothing is written',
  );
});

test('what was read stands in place of what was copied, with its unit; a region can be new', () => {
  const source = 'AWS Price List, stand-in';
  const rows = withRefreshed(priceRows, {
    'us-east-1': { source, asOf: '2026-11-20', amounts: { 'nat/hour': 0.05 } },
    'eu-west-1': { source, asOf: '2026-11-20', amounts: { 'nat/hour': 0.052 } },
  });
  const nat = rows.filter(({ item, region }) => item === 'nat/hour' && ['us-east-1', 'eu-west-1'].includes(region));
  expect(nat).toEqual([
    { item: 'nat/hour', region: 'us-east-1', amountUsd: 0.05, unit: 'hour', source, asOf: '2026-11-20' },
    { item: 'nat/hour', region: 'eu-west-1', amountUsd: 0.052, unit: 'hour', source, asOf: '2026-11-20' },
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
