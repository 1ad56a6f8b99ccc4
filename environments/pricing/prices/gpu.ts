/** Instances with a GPU that a model of one's own runs on. No tier is placed on them. */
import { priceBook } from './price-book.ts';

export const gpuPrices = [
  ...priceBook('us-east-1', [
    {
      source: 'AWS Price List API (get-products, AmazonEC2), captured 2026-08-17 by a cost model found in public code',
      asOf: '2026-08-17',
      amounts: [['instance-hour', { 'ec2/g5.xlarge': 1.006, 'ec2/g6.xlarge': 0.8048, 'ec2/g6e.xlarge': 1.861 }]],
    },
  ]),
  ...priceBook('eu-central-1', [
    {
      source: 'AWS on-demand list as repeated by several price tables in public code, without the date of the list',
      asOf: '2026-11-28',
      amounts: [['instance-hour', { 'ec2/g5.xlarge': 1.258, 'ec2/g6.xlarge': 1.0064 }]],
    },
  ]),
];

export const gpuRegions = [...new Set(gpuPrices.map(({ region }) => region))];

const typesIn = (where: string) =>
  gpuPrices.flatMap(({ item, region }) => (region === where ? [item.slice('ec2/'.length)] : []));

/** Every region's. */
export const gpuTypes = gpuRegions.map((region) => `${region}: ${typesIn(region).join(', ')}`).join('; ');

/** @throws Error for one without a price there: given, allowed */
export function gpuPrice(instanceType: string, region = 'us-east-1') {
  const row = gpuPrices.find((each) => each.item === `ec2/${instanceType}` && each.region === region);
  if (row) return row;
  throw new Error(
    `given instance type '${instanceType}' in ${region}; allowed: ${gpuTypes}. To add one, write a row with source and date into environments/pricing/prices/gpu.ts.`,
  );
}
