import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { cleanUp } from '../../../../services/document-worker/deletion/cleanup.ts';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench } from '../fixture.ts';

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
  const webhook_id = uuidv7();
  await db
    .insertInto('webhooks')
    .values({ id: webhook_id, tenant_id, url: 'https://a.example/', events: [], disabled_at: old })
    .execute();
  for (const created_at of [old, new Date()]) {
    const delivery = { id: uuidv7(), webhook_id, event: 'webhook.test', body: '{}', created_at };
    await db.insertInto('webhook_deliveries').values(delivery).execute();
    const expires_at = created_at === old ? old : null;
    await db.insertInto('webhook_secrets').values({ webhook_id, secret: 'whsec_', expires_at }).execute();
  }
  expect(await cleanUp(db)).toEqual({
    idempotency_keys: 0,
    events: 1,
    turn_events: 0,
    reservations: 0,
    sign_in_links: 0,
    replica_minutes: 0,
    sessions: 1,
    verifications: 1,
    webhook_deliveries: 1,
    webhook_secrets: 1,
    jobs: 1,
    brains: 1,
  });
  expect((await db.selectFrom('jobs').select('id').execute()).map(({ id }) => id)).toEqual([jobId]);
});

test('events of turns go a day after their end, idempotency keys a day after they were used; each statement is bounded', async () => {
  const { db, tenantId: tenant_id, brainId: brain_id } = bench;
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
  const conversation_id = uuidv7();
  await db.insertInto('conversations').values({ id: conversation_id, tenant_id, brain_id }).execute();
  const turns = [
    { id: uuidv7(), status: 'done', finished_at: hoursAgo(25) },
    { id: uuidv7(), status: 'done', finished_at: hoursAgo(23) },
    { id: uuidv7(), status: 'streaming', finished_at: null },
  ];
  for (const turn of turns) {
    const answerer = { answerer_kind: 'extractive', answerer_name: 'extractive' };
    const row = {
      ...turn,
      ...answerer,
      tenant_id,
      conversation_id,
      question: 'q',
      replica: 'r',
      lease_until: new Date(),
    };
    await db.insertInto('turns').values(row).execute();
    const events = Array.from({ length: 7 }, (_, at) => ({
      turn_id: turn.id,
      place: at + 1,
      event: 'token',
      data: '{}',
    }));
    await db.insertInto('turn_events').values(events).execute();
  }
  for (const [key, created_at] of [
    ['old', hoursAgo(25)],
    ['new', hoursAgo(1)],
  ] as const)
    await db
      .insertInto('idempotency_keys')
      .values({ tenant_id, key, route: 'r', fingerprint: Buffer.from('f'), created_at })
      .execute();
  const counts = async () => {
    const rows = await db
      .selectFrom('turn_events')
      .select(({ fn }) => ['turn_id', fn.countAll<number>().as('events')])
      .groupBy('turn_id')
      .execute();
    return turns.map(({ id }) => rows.find(({ turn_id }) => turn_id === id)?.events ?? 0);
  };
  // Two statements of two rows each: the rest waits for the next hour.
  expect(await cleanUp(db, { rowsMax: 2, statementsMax: 2 })).toMatchObject({ turn_events: 4, idempotency_keys: 1 });
  expect(await counts()).toEqual([3, 7, 7]);
  expect(await cleanUp(db, { rowsMax: 2, statementsMax: 100 })).toMatchObject({ turn_events: 3, idempotency_keys: 0 });
  expect(await counts()).toEqual([0, 7, 7]);
  expect(await db.selectFrom('idempotency_keys').select('key').execute()).toEqual([{ key: 'new' }]);
});
