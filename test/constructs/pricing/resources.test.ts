import { describe, expect, test } from '@jest/globals';
import { pricedRegions, priceRows } from '../../../constructs/pricing/prices.ts';
import { billingOf, freeResources, pricedResources } from '../../../constructs/pricing/resources.ts';

describe('resource types', () => {
  test('are priced or free, never both', () => {
    expect(Object.keys(pricedResources).filter((type) => type in freeResources)).toEqual([]);
  });

  test('that are priced name items which exist in every region', () => {
    for (const [type, items] of Object.entries(pricedResources)) {
      if (items === 'usage') continue;
      expect(items.length).toBeGreaterThan(0);
      for (const region of pricedRegions)
        for (const begin of items) {
          const found = priceRows.some((row) => row.region === region && row.item.startsWith(begin));
          expect([type, begin, region, found]).toEqual([type, begin, region, true]);
        }
    }
  });

  test('that are free say why', () => {
    for (const reason of Object.values(freeResources)) expect(reason.length).toBeGreaterThan(10);
  });

  test('are answered for', () => {
    expect(billingOf('aws_nat_gateway')).toEqual(['nat/']);
    expect(billingOf('aws_sns_topic')).toBe('usage');
    expect(billingOf('aws_ecs_task_definition')).toEqual({ free: expect.stringContaining('a description') });
  });

  test('of neither kind are refused with what to do', () => {
    expect(() => billingOf('aws_redshift_cluster')).toThrow(
      'aws_redshift_cluster has no price and no reason to be free; add it to pricedResources or freeResources in constructs/pricing/resources.ts',
    );
  });
});
