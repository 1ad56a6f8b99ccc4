import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { syntheticTenantMark, withSyntheticTenant } from '../../../../services/shared/warm-up/synthetic-tenant.ts';
import { type Harness, settingsFor, startHarness } from '../../api/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

const syntheticTenants = () =>
  harness.db.selectFrom('tenants').select('id').where('metadata', '=', syntheticTenantMark).execute();
const everybody = async () =>
  Promise.all([
    harness.db.selectFrom('people').select('id').execute(),
    harness.db.selectFrom('tenants').select('id').execute(),
  ]);

test('a synthetic tenant is let in with its own credentials, stands in no list, and leaves nothing behind', async () => {
  const owner = await harness.owner();
  const before = await everybody();
  let brains: unknown;
  await withSyntheticTenant(harness.db, settingsFor(harness.services), async ({ brainId, headers }) => {
    const asSyntheticTenant = await harness.app.http.inject({ url: '/v1/brains', headers });
    brains = asSyntheticTenant.json().data.map(({ id }: { id: string }) => id);
    expect(brains).toEqual([brainId]);
    const renamed = await harness.app.http.inject({
      method: 'PATCH',
      url: `/v1/brains/${brainId}`,
      headers,
      payload: { name: 'Renamed' },
    });
    expect(renamed.statusCode).toBe(200);
    expect((await owner('GET', '/v1/tenants')).body.data).toHaveLength(1);
    expect(await syntheticTenants()).toHaveLength(1);
  });
  expect(brains).toBeDefined();
  expect(await everybody()).toEqual(before);
});

test('a run that fails leaves nothing behind either', async () => {
  const before = await everybody();
  const fault = new Error('no luck');
  await expect(
    withSyntheticTenant(harness.db, settingsFor(harness.services), async () => Promise.reject(fault)),
  ).rejects.toBe(fault);
  expect(await everybody()).toEqual(before);
});

test('the synthetic tenant of a replica that was killed is let go by the next one, a synthetic tenant of another that still warms up is not', async () => {
  const before = await everybody();
  const settings = settingsFor(harness.services);
  await withSyntheticTenant(harness.db, settings, async (killed) => {
    const past = new Date(Date.now() - 2 * 60_000);
    await harness.db.updateTable('tenants').set({ created_at: past }).where('id', '=', killed.tenantId).execute();
    await withSyntheticTenant(harness.db, settings, async (first) =>
      withSyntheticTenant(harness.db, settings, async (second) => {
        const ids = (await syntheticTenants()).map(({ id }) => id);
        expect(ids.toSorted()).toEqual([first.tenantId, second.tenantId].toSorted());
      }),
    );
  });
  expect(await everybody()).toEqual(before);
});
