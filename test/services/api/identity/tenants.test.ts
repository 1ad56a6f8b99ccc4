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
