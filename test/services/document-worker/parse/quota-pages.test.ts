/** The daily quota of pages, raced: reserved when the page count is known, given back when a job ends early. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { uuidv7 } from 'uuidv7';
import type { Lease, WorkKind } from '../../../../services/shared/contract/grant.ts';
import type { Job } from '../../../../services/shared/contract/job.ts';
import { ProblemError } from '../../../../services/shared/http/problem.ts';
import { retryPages } from '../../../../services/shared/jobs/job-requests.ts';
import { jobViews } from '../../../../services/shared/jobs/job-view.ts';
import { begin, endCanceled, endLeased, savePages } from '../../../../services/shared/jobs/leased-jobs.ts';
import { resumePaused } from '../../../../services/shared/jobs/paused-jobs.ts';
import { saveProbe } from '../../../../services/shared/jobs/save-probe.ts';
import { usedOf } from '../../../../services/shared/ledger/quota.ts';
import { ParserSchedules } from '../../../../services/shared/scheduler/parser-schedules.ts';
import { enqueueFromDatabase } from '../../../../services/shared/scheduler/reconcile.ts';
import { RedisScheduler } from '../../../../services/shared/scheduler/redis-scheduler.ts';
import { faultsOf } from '../../web/fixture/produced.ts';
import { type Bench, openBench, savedPage } from '../fixture.ts';

let bench: Bench;
let redis: Redis;
let scheduler: RedisScheduler;
beforeAll(async () => {
  bench = await openBench();
  redis = new Redis(bench.services.redisUrl);
  scheduler = new RedisScheduler(redis);
});
afterEach(async () => {
  await bench.db.deleteFrom('documents').execute();
  await bench.db.deleteFrom('ledger').execute();
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await bench.close();
});

const allow = (pages_per_day_max: number) => bench.db.updateTable('tenants').set({ pages_per_day_max }).execute();
const used = () => usedOf(bench.db, bench.tenantId, 'pages_per_day_max');

async function probing(): Promise<{ lease: Lease; documentId: string }> {
  const { jobId, documentId } = await bench.submit(Buffer.from('x'));
  await enqueueFromDatabase(bench.db, scheduler, jobId);
  const lease = await take('probe');
  expect((await begin(bench.db, lease)).decision).toBe('work');
  return { lease, documentId };
}

async function take(kind: WorkKind): Promise<Lease> {
  const grant = await scheduler.grant({ worker: 'w', kinds: [kind], slots: 4, heavySlots: 0 });
  if ('lease' in grant) return grant.lease;
  throw new Error(`no lease, sleep ${grant.sleepMs} ms`);
}

async function probe(lease: Lease, pages: number, usdPerPage = 0): Promise<'accepted' | 'refused'> {
  const decision = await saveProbe(bench.db, lease, pages, { readingUsd: pages * usdPerPage, embeddingUsd: 0 });
  expect(['work', 'pause']).toContain(decision);
  return decision === 'work' ? 'accepted' : 'refused';
}

const results = (pages: readonly number[]) => pages.map((page) => savedPage(page, { code: 'crash', message: 'no' }));

async function readPagesOf(lease: Lease, pages: readonly number[]): Promise<void> {
  const { decision } = await savePages(
    bench.db,
    { ...lease, kind: 'parse', pages: [...pages] },
    results(pages),
    uuidv7(),
  );
  expect(decision).toBe('work');
}

test('20 probes at once take together what is left, and not a page more', async () => {
  await allow(69);
  const leases = [];
  for (let index = 0; index < 20; index += 1) leases.push((await probing()).lease);
  const outcomes = await Promise.all(leases.map((lease) => probe(lease, 10)));
  expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(6);
  expect(await used()).toBe(60);
  const { error } = await bench.job((leases[outcomes.indexOf('refused')] as Lease).jobId);
  expect((error as { detail: string }).detail).toMatch(/^Allowed are 69 pages a day; \d+ are used and this adds 10\./);
  // Read to the end, they have cost what they had reserved.
  for (const [index, lease] of leases.entries())
    if (outcomes[index] === 'accepted') await readPagesOf(lease, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(await used()).toBe(60);
});

test('cancel, failure and deletion give back what was not read, however a job ends', async () => {
  await allow(100);
  const [canceled, failed, deleted] = [await probing(), await probing(), await probing()];
  for (const { lease } of [canceled, failed, deleted]) expect(await probe(lease, 30)).toBe('accepted');
  expect(await used()).toBe(90);
  await readPagesOf(canceled.lease, [1, 2]);
  expect(await used()).toBe(90);
  await bench.db.updateTable('jobs').set({ status: 'canceling' }).where('id', '=', canceled.lease.jobId).execute();
  expect(await endCanceled(bench.db, canceled.lease.jobId)).toBe(true);
  expect(await used()).toBe(62);
  await endLeased(bench.db, failed.lease, 'failed', new ProblemError('damaged', 'x'));
  expect(await used()).toBe(32);
  await bench.db.deleteFrom('documents').where('id', '=', deleted.documentId).execute();
  expect(await used()).toBe(2);
});

test('what the day does not hold is paused, goes on with the next day, and is paused again when that is full too', async () => {
  await allow(50);
  const [first, second] = [await probing(), await probing()];
  expect(await probe(first.lease, 40)).toBe('accepted');
  expect(await probe(second.lease, 40)).toBe('refused');
  const paused = await bench.job(second.lease.jobId);
  const midnight = new Date(new Date().setUTCHours(24, 0, 0, 0));
  expect(paused).toMatchObject({ status: 'paused', paused_until: midnight, error: { code: 'quota' } });
  // What the page's fixture shows of one is held against this.
  const [shown] = await jobViews(bench.db, [paused], new ParserSchedules(scheduler, null));
  expect(faultsOf(shown as Job)).toEqual([]);
  expect([shown?.progress.pages_total, shown?.started_at, shown?.error?.detail]).toEqual([
    null,
    null,
    'Allowed are 50 pages a day; 40 are used and this adds 40. The day begins at 00:00 UTC.',
  ]);
  await resumePaused(bench.db);
  expect(await bench.job(second.lease.jobId)).toMatchObject({ status: 'paused' });
  // The day is over, and nothing was done since: the first one still has its pages.
  const next = async () => {
    await bench.db.updateTable('jobs').set({ paused_until: new Date() }).where('status', '=', 'paused').execute();
    await resumePaused(bench.db);
    expect(await bench.job(second.lease.jobId)).toMatchObject({ status: 'queued', paused_until: null, error: null });
    await scheduler.remove(second.lease.jobId);
    await enqueueFromDatabase(bench.db, scheduler, second.lease.jobId);
    const lease = await take('probe');
    expect((await begin(bench.db, lease)).decision).toBe('work');
    return probe(lease, 40);
  };
  expect(await next()).toBe('refused');
  await endLeased(bench.db, first.lease, 'failed', new ProblemError('damaged', 'x'));
  expect(await next()).toBe('accepted');
  expect(await used()).toBe(40);
});

test('a look resumes so many, the next one the others', async () => {
  const { lease } = await probing();
  await bench.services.query(
    `insert into jobs (id, tenant_id, brain_id, kind, status, epoch, paused_until)
     select gen_random_uuid(), tenant_id, brain_id, kind, 'paused', 0, now() from jobs, generate_series(1, 150) where id = $1`,
    [lease.jobId],
  );
  const left = async () =>
    (await bench.db.selectFrom('jobs').select('id').where('status', '=', 'paused').execute()).length;
  const before = await left();
  await resumePaused(bench.db);
  expect(before - (await left())).toBe(100);
  await resumePaused(bench.db);
  expect(before - (await left())).toBe(150);
});

test('a document that is above the limit by itself fails at once', async () => {
  await allow(10);
  const { lease } = await probing();
  await expect(probe(lease, 11)).rejects.toMatchObject({ code: 'quota', resetsAt: null });
});

test('dollars: an open job holds the price of the pages that it has not read', async () => {
  await bench.db.updateTable('tenants').set({ pages_per_day_max: null, usd_per_day_max: 1 }).execute();
  const leases = [];
  for (let index = 0; index < 20; index += 1) leases.push((await probing()).lease);
  const outcomes = await Promise.all(leases.map((lease) => probe(lease, 10, 0.015)));
  expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(6);
  expect(await usedOf(bench.db, bench.tenantId, 'usd_per_day_max')).toBeCloseTo(0.9, 6);
  const held = leases[outcomes.indexOf('accepted')] as Lease;
  await endLeased(bench.db, held, 'failed', new ProblemError('damaged', 'x'));
  expect(await usedOf(bench.db, bench.tenantId, 'usd_per_day_max')).toBeCloseTo(0.75, 6);
  await bench.db.updateTable('tenants').set({ usd_per_day_max: null }).execute();
});

test('a probe that is made again reserves nothing twice', async () => {
  await allow(10);
  const { lease } = await probing();
  expect(await probe(lease, 8)).toBe('accepted');
  expect(await saveProbe(bench.db, lease, 8, { readingUsd: 0, embeddingUsd: 0 })).toBe('work');
  expect(await used()).toBe(8);
});

test('pages that are read again count again: 20 retries at once never pass the quota', async () => {
  await allow(200);
  const made = [];
  for (let index = 0; index < 20; index += 1) made.push(await probing());
  for (const { lease } of made) {
    expect(await probe(lease, 5)).toBe('accepted');
    await readPagesOf(lease, [1, 2, 3, 4, 5]);
    await bench.db.updateTable('jobs').set({ status: 'partial', stage: null }).where('id', '=', lease.jobId).execute();
  }
  expect(await used()).toBe(100);
  await allow(132);
  const retry = ({ lease }: { lease: Lease }) =>
    bench.db.transaction().execute(async (trx) => {
      const job = await trx
        .selectFrom('jobs')
        .selectAll()
        .where('id', '=', lease.jobId)
        .forUpdate()
        .executeTakeFirstOrThrow();
      return retryPages(trx, job);
    });
  const outcomes = await Promise.allSettled(made.map(retry));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(6);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'quota' });
  expect(await used()).toBe(130);
});
