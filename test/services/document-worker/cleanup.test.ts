import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { cleanUp } from '../../../services/document-worker/cleanup.ts';
import { pdfOf } from './documents.ts';
import { type Bench, openBench } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test('what has outlived its purpose goes; the last job of a living document stays', async () => {
  const { db, tenantId: tenant_id, brainId: brain_id } = bench;
  const old = new Date(Date.now() - 8 * 86_400_000);
  const { jobId } = await bench.submit(await pdfOf(['one']));
  await db.updateTable('jobs').set({ status: 'succeeded', expires_at: old }).where('id', '=', jobId).execute();
  const deletion = await bench.order('delete_document', null);
  await db.updateTable('jobs').set({ status: 'succeeded', expires_at: old }).where('id', '=', deletion).execute();
  for (const created_at of [old, new Date()])
    await db.insertInto('events').values({ tenant_id, event: 'brain', resource_id: brain_id, created_at }).execute();
  const emptied = { tenant_id, name: '', embedding_model: 'x', embedding_dimensions: 1, deleted_at: old };
  await db
    .insertInto('brains')
    .values({ id: deletion, ...emptied })
    .execute();
  const personId = uuidv7();
  await db.insertInto('people').values({ id: personId, name: 'P', email: 'p@example.com' }).execute();
  for (const expires_at of [new Date(Date.now() - 1000), new Date(Date.now() + 60_000)]) {
    const id = uuidv7();
    await db.insertInto('sessions').values({ id, token: id, person_id: personId, expires_at }).execute();
    await db.insertInto('verifications').values({ id, identifier: id, value: 'state', expires_at }).execute();
  }
  expect(await cleanUp(db)).toEqual({
    idempotency_keys: 0,
    events: 1,
    sign_in_links: 0,
    sessions: 1,
    verifications: 1,
    jobs: 1,
    brains: 1,
  });
  expect((await db.selectFrom('jobs').select('id').execute()).map(({ id }) => id)).toEqual([jobId]);
});
