/** What the operator says of a tenant beside its quotas. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Harness, startHarness } from '../harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

test('documents above so many pages are confirmed first; null takes that away', async () => {
  const owner = await harness.owner();
  const made = await owner('POST', '/v1/tenants', { name: 'Careful', confirm_pages_above: 500 });
  expect(made.body.confirm_pages_above).toBe(500);
  const patch = (confirm_pages_above: unknown) =>
    owner('PATCH', `/v1/tenants/${made.body.id}`, { confirm_pages_above });
  expect((await patch(20)).body.confirm_pages_above).toBe(20);
  expect((await owner('PATCH', `/v1/tenants/${made.body.id}`, { name: 'C' })).body.confirm_pages_above).toBe(20);
  expect((await patch(null)).body.confirm_pages_above).toBeNull();
  expect((await patch(0)).status).toBe(400);
});

test('documents above a price are confirmed first; 0 is whatever is billed, null takes the limit away', async () => {
  const owner = await harness.owner();
  const made = await owner('POST', '/v1/tenants', { name: 'Thrifty', confirm_usd_above: 2.5 });
  expect(made.body.confirm_usd_above).toBe(2.5);
  const patch = (confirm_usd_above: unknown) => owner('PATCH', `/v1/tenants/${made.body.id}`, { confirm_usd_above });
  expect((await patch(0)).body.confirm_usd_above).toBe(0);
  expect((await owner('PATCH', `/v1/tenants/${made.body.id}`, { name: 'T' })).body.confirm_usd_above).toBe(0);
  expect((await patch(null)).body.confirm_usd_above).toBeNull();
  expect((await patch(-1)).status).toBe(400);
});
