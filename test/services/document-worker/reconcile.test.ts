/** Enqueues that were lost, behind more jobs than one round looks at. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { uuidv7 } from 'uuidv7';
import { ParserSchedules } from '../../../services/shared/scheduler/parser-schedules.ts';
import { Reconciler } from '../../../services/shared/scheduler/reconcile.ts';
import { RedisScheduler } from '../../../services/shared/scheduler/redis-scheduler.ts';
import { type Bench, openBench } from './fixture.ts';

let bench: Bench;
let redis: Redis;
let scheduler: ParserSchedules;
beforeAll(async () => {
  bench = await openBench();
  redis = new Redis(bench.services.redisUrl);
});
beforeEach(async () => {
  await redis.flushall();
  await bench.db.deleteFrom('documents').execute();
  scheduler = new ParserSchedules(new RedisScheduler(redis), null);
});
afterAll(async () => {
  redis.disconnect();
  await bench.close();
});

const submit = async () => (await bench.submit(Buffer.from('x'))).jobId;

/** As many as one round looks at. */
async function thousandKnown(): Promise<void> {
  const ids = Array.from({ length: 1000 }, () => ({ documentId: uuidv7(), jobId: uuidv7() }));
  const { tenantId, brainId } = bench;
  const of = { tenant_id: tenantId, brain_id: brainId };
  await bench.db
    .insertInto('documents')
    .values(
      ids.map(({ documentId }) => ({
        ...of,
        id: documentId,
        name: 'd',
        media_type: 'text/plain',
        size_bytes: 1,
        sha256: Buffer.from(documentId),
        object_key: documentId,
      })),
    )
    .execute();
  await bench.db
    .insertInto('jobs')
    .values(
      ids.map(({ documentId, jobId }) => ({
        ...of,
        id: jobId,
        document_id: documentId,
        kind: 'ingest' as const,
        status: 'queued' as const,
      })),
    )
    .execute();
  for (const { jobId } of ids)
    await scheduler.enqueue(
      { jobId, tenantId, pagesLeft: null, enqueuedAtMs: 1 },
      { tenantParser: null, mediaType: 'text/plain' },
    );
}

test('a lost job is found behind a thousand that are known, whichever is older', async () => {
  const older = await submit();
  await thousandKnown();
  const newer = await submit();
  const reconciler = new Reconciler(bench.db, scheduler);
  expect(await reconciler.round(0)).toBe(1);
  expect([await scheduler.known(newer), await scheduler.known(older)]).toEqual([true, false]);
  expect(await reconciler.round(0)).toBe(1);
  expect(await scheduler.known(older)).toBe(true);
  // Behind the oldest it begins anew.
  await scheduler.remove(newer);
  expect(await reconciler.round(0)).toBe(1);
  expect(await scheduler.known(newer)).toBe(true);
}, 60_000);

test('after a loss the next round begins with the newest', async () => {
  await submit();
  await thousandKnown();
  const reconciler = new Reconciler(bench.db, scheduler);
  await reconciler.round(0);
  const lost = await submit();
  reconciler.beginAnew();
  expect(await reconciler.round(0)).toBe(1);
  expect(await scheduler.known(lost)).toBe(true);
}, 60_000);

test('a job that may still be on its way is left alone', async () => {
  const young = await submit();
  const reconciler = new Reconciler(bench.db, scheduler);
  expect(await reconciler.round()).toBe(0);
  expect(await scheduler.known(young)).toBe(false);
});
