import { afterAll, beforeAll, expect, test } from '@jest/globals';
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
  expect(await cleanUp(db)).toEqual({ idempotency_keys: 0, events: 1, sign_in_links: 0, jobs: 1, brains: 1 });
  expect((await db.selectFrom('jobs').select('id').execute()).map(({ id }) => id)).toEqual([jobId]);
});
