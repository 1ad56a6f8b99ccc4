/** Whoever lost a lease changes nothing any more, whatever comes to its mind how late. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { createMetrics } from '../../../../services/document-worker/metrics.ts';
import { Later } from '../../../../services/document-worker/parse/later.ts';
import { type LeaseContext, processLease } from '../../../../services/document-worker/parse/lease-work.ts';
import { LocalFiles } from '../../../../services/document-worker/parse/local-files.ts';
import { builtInBackend } from '../../../../services/document-worker/parse/read-pages.ts';
import { ChildLostError } from '../../../../services/document-worker/parser/parser-child.ts';
import { failedPage } from '../../../../services/document-worker/parser/reader.ts';
import { packPage } from '../../../../services/document-worker/parser/serve-reads.ts';
import type { Lease, WorkKind } from '../../../../services/shared/contract/grant.ts';
import { retryPages } from '../../../../services/shared/jobs/job-requests.ts';
import { begin, endCanceled, savePages } from '../../../../services/shared/jobs/leased-jobs.ts';
import { enqueueFromDatabase } from '../../../../services/shared/scheduler/reconcile.ts';
import { RedisScheduler } from '../../../../services/shared/scheduler/redis-scheduler.ts';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench, savedPage } from '../fixture.ts';

let bench: Bench;
let redis: Redis;
let scheduler: RedisScheduler;
beforeAll(async () => {
  bench = await openBench();
  redis = new Redis(bench.services.redisUrl);
  scheduler = new RedisScheduler(redis);
});
afterAll(async () => {
  redis.disconnect();
  await bench.close();
});

async function take(kind: WorkKind): Promise<Lease> {
  const grant = await scheduler.grant({ worker: 'w', kinds: [kind], slots: 4, heavySlots: 0 });
  if ('lease' in grant) return grant.lease;
  throw new Error(`no lease, sleep ${grant.sleepMs} ms`);
}
/** What happens to a lease whose worker stood still for too long. */
const expire = (lease: Lease) => redis.zadd('{bulkhead:schedule}:leases', 0, lease.id);

async function contextWith(pool: Partial<LeaseContext['pool']>): Promise<LeaseContext> {
  const { db, store, services } = bench;
  return {
    db,
    store,
    scheduler,
    schedule: scheduler,
    remote: null,
    later: new Later(),
    pool: pool as LeaseContext['pool'],
    backend: builtInBackend(pool as LeaseContext['pool']),
    files: await LocalFiles.open(store, { base: `${services.folder}/fencing`, bytesMax: 10_000_000 }),
    metrics: createMetrics(new Registry(), scheduler),
    log: services.log,
    embeddingUsd: () => 0,
    pagesMax: 100,
  };
}

/** A document of so many pages that is probed. */
async function parsing(pages: number) {
  const made = await bench.submit(await pdfOf(Array(pages).fill('text')));
  await bench.db.updateTable('jobs').set({ pages_total: pages }).where('id', '=', made.jobId).execute();
  await enqueueFromDatabase(bench.db, scheduler, made.jobId);
  return made;
}

const failed = (page_number: number) => savedPage(page_number, { code: 'crash', message: 'late' });

test('a probe that runs out of time after its lease was taken over does not fail the job of its successor', async () => {
  const { jobId } = await bench.submit(await pdfOf(['one']));
  await enqueueFromDatabase(bench.db, scheduler, jobId);
  const late = await take('probe');
  let current: Lease | undefined;
  const context = await contextWith({
    probe: async () => {
      await expire(late);
      current = await take('probe');
      expect((await begin(bench.db, current)).decision).toBe('work');
      throw new ChildLostError('timeout', 'Reading took longer than 30 s.', false);
    },
  });
  await processLease(context, late, new AbortController().signal);
  expect(await bench.job(jobId)).toMatchObject({ status: 'running', stage: 'probing', error: null });
  expect(await scheduler.renew(current as Lease)).toBe(true);

  // The successor itself may end it.
  const own = await contextWith({
    probe: async () => {
      throw new ChildLostError('timeout', 'Reading took longer than 30 s.', false);
    },
  });
  await processLease(own, current as Lease, new AbortController().signal);
  expect(await bench.job(jobId)).toMatchObject({ status: 'failed', error: { code: 'took-too-long' } });
  expect(await scheduler.known(jobId)).toBe(false);
});

test('pages that were read for a job that was canceled meanwhile are counted as wasted', async () => {
  const { jobId } = await parsing(2);
  const lease = await take('parse');
  const context = await contextWith({});
  const backend: LeaseContext['backend'] = {
    ...context.backend,
    read: async ({ pages }) => {
      await bench.db.updateTable('jobs').set({ status: 'canceling' }).where('id', '=', jobId).execute();
      const error = { code: 'crash', message: 'of the test' } as const;
      return { results: pages.map((page) => packPage(failedPage(page, 'none', error))), goesOn: true };
    },
  };
  await processLease({ ...context, backend }, lease, new AbortController().signal);
  const { values } = await context.metrics.pagesWasted.get();
  expect(values).toEqual([{ labels: { reason: 'cancel' }, value: 2 }]);
  const ledger = bench.db.selectFrom('ledger').select(['kind', 'amount', 'cost_usd']).where('job_id', '=', jobId);
  expect(await ledger.where('kind', '<>', 'compute_ms').execute()).toEqual([
    { kind: 'wasted_pages', amount: 2, cost_usd: 0 },
  ]);
  expect(await bench.job(jobId)).toMatchObject({ status: 'canceled', pages_done: 0 });
  expect(await scheduler.known(jobId)).toBe(false);
});

test('what an attempt reports after its job was retried is refused', async () => {
  const { jobId, documentId } = await parsing(2);
  const old = await take('parse');
  expect((await begin(bench.db, old)).decision).toBe('work');
  await bench.db.updateTable('jobs').set({ status: 'failed', stage: null }).where('id', '=', jobId).execute();
  await bench.db.transaction().execute(async (tx) => {
    const job = await tx.selectFrom('jobs').selectAll().where('id', '=', jobId).forUpdate().executeTakeFirstOrThrow();
    await retryPages(tx, job);
  });
  expect((await savePages(bench.db, old, [failed(1), failed(2)], 'late')).decision).toBe('stale');
  expect(await bench.db.selectFrom('pages').selectAll().where('document_id', '=', documentId).execute()).toEqual([]);

  // The scheduler still knew the job: its next lease stands above the fence all the same.
  await enqueueFromDatabase(bench.db, scheduler, jobId);
  await expire(old);
  const next = await take('parse');
  expect((await begin(bench.db, next)).decision).toBe('work');
  await scheduler.remove(jobId);
});

test('after Redis was wiped and its clock set back, new leases stand above all that have begun', async () => {
  const { jobId } = await parsing(1);
  const before = await take('parse');
  const ahead = { ...before, epoch: before.epoch + 3_600_000 };
  expect((await begin(bench.db, ahead)).decision).toBe('work');
  await redis.flushall();
  await enqueueFromDatabase(bench.db, scheduler, jobId);
  const after = await take('parse');
  expect(after.fence).toBeGreaterThan(ahead.epoch);
  expect((await begin(bench.db, after)).decision).toBe('work');
  expect((await savePages(bench.db, ahead, [failed(1)], 'late')).decision).toBe('stale');
  await scheduler.remove(jobId);
});

test('only a job that is to be canceled is canceled, and not while it is indexed', async () => {
  const { jobId } = await parsing(1);
  expect(await endCanceled(bench.db, jobId)).toBe(false);
  expect((await bench.job(jobId)).status).toBe('queued');
  const set = (status: string, stage: string) =>
    bench.db.updateTable('jobs').set({ status, stage }).where('id', '=', jobId).execute();
  await set('canceling', 'indexing');
  expect(await endCanceled(bench.db, jobId)).toBe(false);
  await set('canceling', 'parsing');
  expect(await endCanceled(bench.db, jobId)).toBe(true);
  expect(await bench.job(jobId)).toMatchObject({ status: 'canceled', stage: null });
});
