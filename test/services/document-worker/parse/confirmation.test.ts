/** A document of more pages than its tenant lets be read unasked: it waits for a person, and nobody waits for it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { DocumentWorker } from '../../../../services/document-worker/app.ts';
import { cancelJob, confirmJob } from '../../../../services/shared/jobs/job-requests.ts';
import type { JobRow } from '../../../../services/shared/jobs/job-store.ts';
import { usedOf } from '../../../../services/shared/ledger/quota.ts';
import { RedisScheduler } from '../../../../services/shared/scheduler/redis-scheduler.ts';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench } from '../fixture.ts';

let bench: Bench;
let worker: DocumentWorker;
let redis: Redis;
beforeAll(async () => {
  bench = await openBench();
  worker = await bench.startWorker();
  redis = new Redis(bench.services.redisUrl);
  await bench.db.updateTable('tenants').set({ confirm_pages_above: 2, pages_per_day_max: 100 }).execute();
});
afterAll(async () => {
  redis.disconnect();
  await worker.close(5000);
  await bench.close();
});

const three = (mark: string) => pdfOf([`${mark} one`, `${mark} two`, `${mark} three`]);
const awaits = ({ status }: { status: string }) => status === 'awaiting_confirmation';
const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;
const pagesUsed = () => usedOf(bench.db, bench.tenantId, 'pages_per_day_max');

/** As the api does on behalf of a person. */
async function ask(jobId: string, what: typeof confirmJob): Promise<JobRow> {
  const job = await bench.db.transaction().execute(async (trx) => what(trx, (await bench.job(jobId)) as JobRow));
  await bench.notify(jobId);
  return job;
}

test('it waits with its pages known and nothing read, also after Redis forgot everything; confirmed it is read', async () => {
  const { jobId, documentId } = await bench.submit(await three('anchor'));
  const waiting = await bench.until(jobId, awaits);
  expect(waiting).toMatchObject({ stage: null, pages_total: 3, pages_done: 0, price_usd: 0, started_at: null });
  await redis.flushall();
  // Those that are short enough go on meanwhile.
  const { jobId: short } = await bench.submit(await pdfOf(['short one', 'short two']));
  expect(await bench.until(short, ended)).toMatchObject({ status: 'succeeded', pages_done: 2 });
  expect(await bench.job(jobId)).toMatchObject({ status: 'awaiting_confirmation', pages_done: 0 });
  expect(await bench.db.selectFrom('pages').selectAll().where('document_id', '=', documentId).execute()).toEqual([]);

  expect(await ask(jobId, confirmJob)).toMatchObject({ status: 'queued', pages_total: 3 });
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 3 });
  expect((await bench.search('anchor two'))[0]).toMatchObject({ document_id: documentId, page_number: 2 });
  // Its pages count once, though it was probed before and read after.
  expect(await pagesUsed()).toBe(5);
});

test('it takes its pages from the quota while it waits, and gives them back when it is canceled', async () => {
  const before = await pagesUsed();
  const { jobId } = await bench.submit(await three('buoy'));
  await bench.until(jobId, awaits);
  expect(await pagesUsed()).toBe(before + 3);
  expect(await ask(jobId, cancelJob)).toMatchObject({ status: 'canceled' });
  expect(await pagesUsed()).toBe(before);
});

test('it is asked for once, also when it is probed again: the worker that asked died before it let go of it', async () => {
  const { jobId } = await bench.submit(await three('capstan'));
  await bench.until(jobId, awaits);
  await bench.db.transaction().execute(async (trx) => confirmJob(trx, (await bench.job(jobId)) as JobRow));
  const { tenantId } = bench;
  await new RedisScheduler(redis).enqueue({ jobId, tenantId, pagesLeft: null, enqueuedAtMs: Date.now() });
  await bench.notify(jobId);
  const probed = await bench.until(jobId, (job) => awaits(job) || ended(job));
  expect(probed).toMatchObject({ status: 'succeeded', pages_done: 3 });
});

test('with a limit in dollars it waits at a price above it and at an unknown one, and what nobody bills never waits', async () => {
  const limit = (confirm_usd_above: number | null) =>
    bench.db.updateTable('tenants').set({ confirm_usd_above, confirm_pages_above: null }).execute();
  const embedding = {
    EMBEDDING_URL: 'http://127.0.0.1:9/v1',
    EMBEDDING_API_KEY: 'key',
    EMBEDDING_MODEL: 'of-a-provider',
    EMBEDDING_DIMENSIONS: '8',
  };
  const restart = async (env: Record<string, string>) => {
    await worker.close(5000);
    worker = await bench.startWorker({}, env);
  };
  const known = ({ pages_total }: { pages_total: number | null }) => pages_total !== null;
  const read = async (mark: string) => bench.until((await bench.submit(await three(mark))).jobId, known);

  await limit(0);
  expect(await read('free')).toMatchObject({ status: expect.not.stringContaining('awaiting'), price_usd: 0 });
  await restart({ ...embedding, EMBEDDING_USD_PER_MILLION_TOKENS: '1000' });
  // Three pages of about 650 tokens.
  await limit(1.9);
  expect(await read('dear')).toMatchObject({ status: 'awaiting_confirmation', price_usd: 1.95 });
  await limit(2);
  expect(await read('cheap')).toMatchObject({ status: expect.not.stringContaining('awaiting'), price_usd: 1.95 });
  await restart(embedding);
  const unknown = await read('unknown');
  expect(unknown).toMatchObject({ status: 'awaiting_confirmation', price_usd: null });
  expect(await ask(unknown.id, confirmJob)).toMatchObject({ status: 'queued', price_usd: null });
  await limit(null);
  expect(await read('unlimited')).toMatchObject({ status: expect.not.stringContaining('awaiting'), price_usd: null });
});
