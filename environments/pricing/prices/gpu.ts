/** Instances with a GPU that a model of one's own runs on. No tier is placed on them. */
import { priceBook } from './price-book.ts';

const gpuPrices = priceBook('us-east-1', [
  {
    source: 'AWS Price List API (get-products, AmazonEC2), captured 2026-08-17 by a cost model found in public code',
    asOf: '2026-08-17',
    amounts: [['instance-hour', { 'ec2/g5.xlarge': 1.006, 'ec2/g6.xlarge': 0.8048, 'ec2/g6e.xlarge': 1.861 }]],
  },
]);

export const gpuTypes = gpuPrices.map(({ item }) => item.slice('ec2/'.length)).join(', ');

/** @throws Error for one without a price: given, allowed */
export function gpuPrice(instanceType: string) {
  const row = gpuPrices.find(({ item }) => item === `ec2/${instanceType}`);
  if (row) return row;
  throw new Error(
    `given instance type '${instanceType}'; allowed: ${gpuTypes}. To add one, write a row with source and date into environments/pricing/prices/gpu.ts.`,
  );
}
