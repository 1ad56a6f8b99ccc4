/** What happens when parts die in mid-document: nothing is lost, nothing stands twice. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { Redis } from 'ioredis';
import type { DocumentWorker } from '../../../services/document-worker/app.ts';
import type { Lease } from '../../../services/shared/contract/grant.ts';
import { begin, savePages } from '../../../services/shared/jobs/leased-jobs.ts';
import { enqueueFromDatabase, rebuild } from '../../../services/shared/scheduler/reconcile.ts';
import { RedisScheduler } from '../../../services/shared/scheduler/redis-scheduler.ts';
import { firstPages, hugePdf, lacksManuals, lacksQpdf } from '../../flows/documents.ts';
import { testWith } from '../../support/skip.ts';
import { pdfOf } from './documents.ts';
import { type Bench, openBench, savedPage } from './fixture.ts';

const lacks = lacksManuals ?? lacksQpdf;
const test = testWith(lacks);
const main = join(import.meta.dirname, '../../../services/document-worker/main.ts');

let bench: Bench;
let redis: Redis;
const processes = new Set<ChildProcess>();
beforeAll(async () => {
  bench = await openBench();
  redis = new Redis(bench.services.redisUrl);
  if (!lacks) manual = firstPages(hugePdf, pages);
});
afterEach(async () => {
  for (const child of processes) await kill(child, 'SIGTERM');
  // What is left to index is not what these tests wait for.
  await bench.db.updateTable('jobs').set({ status: 'canceled' }).execute();
});
afterAll(async () => {
  redis.disconnect();
  await bench.close();
});

/** A worker's process; its `read` grows by every page that its parsers hand over, recorded or not. */
function startProcess(): { child: ChildProcess; read: number[] } {
  const env = { ...bench.env, LOG_LEVEL: 'debug' };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  processes.add(child);
  const read: number[] = [];
  createInterface({ input: child.stdout as Readable }).on('line', (line) => {
    const { msg, pages } = JSON.parse(line) as { msg: string; pages: number[] };
    if (msg === 'pages read') read.push(...pages);
  });
  return { child, read };
}

/** Pages that a worker of this process has read, recorded or not. */
async function pagesRead({ app }: DocumentWorker): Promise<number> {
  const counter = await app.metrics.getSingleMetric('parser_reads_total')?.get();
  return counter?.values[0]?.value as number;
}

/** Seconds of reading: these tests break things in the midst. The whole manual is big-document.test.ts's in test/flows. */
const pages = 1200;
let manual: Buffer;

/** Under way at once in one worker: four grants of 50 pages. Nothing else may be read twice. */
const underWayMax = 200;

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  processes.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}

const childrenOf = async ({ pid }: ChildProcess) =>
  (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number);

/** Every page once, and every page paid once. */
async function expectExactlyOnce(jobId: string, documentId: string, pages: number) {
  expect((await bench.pages(documentId)).map(({ page_number }) => page_number)).toEqual(upTo(pages));
  const ledger = await bench.db
    .selectFrom('ledger')
    .select('amount')
    .where('job_id', '=', jobId)
    .where('kind', '=', 'pages')
    .execute();
  expect(ledger.reduce((sum, { amount }) => sum + amount, 0)).toBe(pages);
}

async function rowsOf(documentId: string): Promise<number[]> {
  const rows = await bench.db.selectFrom('pages').select('page_number').where('document_id', '=', documentId).execute();
  return rows.map(({ page_number }) => page_number);
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('kill -9 of a parser child fails one page at most; kill -9 of the worker loses none that is done', async () => {
  const { jobId, documentId } = await bench.submit(manual);
  const first = startProcess();
  await bench.until(jobId, ({ pages_done }) => pages_done >= 100);
  process.kill((await childrenOf(first.child))[0] as number, 'SIGKILL');
  await bench.until(jobId, ({ pages_done }) => pages_done >= 400);
  await kill(first.child, 'SIGKILL');
  const before = await rowsOf(documentId);
  const second = startProcess();
  const job = await bench.until(jobId, ({ stage }) => stage === 'indexing', 150_000);
  expect(job.pages_failed).toBeLessThanOrEqual(1);
  await expectExactlyOnce(jobId, documentId, pages);
  // What was done before the crash was not read again, and of the rest everything once.
  const done = new Set(before);
  expect(second.read.filter((page) => done.has(page))).toEqual([]);
  expect(second.read.toSorted((a, b) => a - b)).toEqual(upTo(pages).filter((page) => !done.has(page)));
}, 240_000);

test('Redis is wiped in mid-document: the schedule is rebuilt, the document ends', async () => {
  const { jobId, documentId } = await bench.submit(manual);
  const worker = await bench.startWorker();
  await bench.until(jobId, ({ pages_done }) => pages_done >= 200);
  await redis.flushall();
  await bench.until(jobId, ({ stage }) => stage === 'indexing', 120_000);
  await worker.close(2000);
  expect(await pagesRead(worker)).toBeLessThanOrEqual(pages + underWayMax);
  await expectExactlyOnce(jobId, documentId, pages);
}, 180_000);

test('a worker that stops gives its pages back; the next goes on at once', async () => {
  const { jobId, documentId } = await bench.submit(manual);
  const first = await bench.startWorker();
  await bench.until(jobId, ({ pages_done }) => pages_done >= 200);
  await first.close(0);
  expect((await new RedisScheduler(redis).snapshot()).leases).toBe(0);
  const second = await bench.startWorker();
  await bench.until(jobId, ({ stage }) => stage === 'indexing', 120_000);
  await second.close(2000);
  expect((await pagesRead(first)) + (await pagesRead(second))).toBeLessThanOrEqual(pages + underWayMax);
  await expectExactlyOnce(jobId, documentId, pages);
}, 180_000);

test('a checkpoint under a lease that ran out is refused', async () => {
  const scheduler = new RedisScheduler(redis);
  const { jobId, documentId } = await bench.submit(await pdfOf(['one', 'two']));
  await bench.db.updateTable('jobs').set({ pages_total: 2 }).where('id', '=', jobId).execute();
  await enqueueFromDatabase(bench.db, scheduler, jobId);
  const take = async () =>
    ((await scheduler.grant({ worker: 'w', kinds: ['parse'], slots: 4, heavySlots: 0 })) as { lease: Lease }).lease;
  const results = [savedPage(1), savedPage(2)];
  const late = await take();
  expect((await begin(bench.db, late)).decision).toBe('work');
  await redis.zadd('{bulkhead:schedule}:leases', 0, late.id);
  const current = await take();
  expect(current.pages).toEqual(late.pages);
  expect((await begin(bench.db, current)).decision).toBe('work');
  expect(await savePages(bench.db, late, results, 'late')).toEqual({ decision: 'stale', finished: false });
  expect(await savePages(bench.db, current, results, 'current')).toEqual({ decision: 'work', finished: true });
  expect(await savePages(bench.db, current, results, 'again')).toEqual({ decision: 'forget', finished: false });
  const rows = await bench.db.selectFrom('pages').selectAll().where('document_id', '=', documentId).execute();
  expect(rows.map(({ object_key }) => object_key)).toEqual(['current', 'current']);
});

test('a rebuild enqueues exactly the unfinished documents with exactly the pages that are left', async () => {
  await redis.flushall();
  const scheduler = new RedisScheduler(redis);
  const { jobId, documentId } = await bench.submit(await pdfOf(['one', 'two', 'three']));
  await bench.db.updateTable('jobs').set({ pages_total: 3 }).where('id', '=', jobId).execute();
  await bench.db
    .insertInto('pages')
    .values({ document_id: documentId, page_number: 2, epoch: 1, object_key: 'x' })
    .execute();
  expect(await rebuild(bench.db, bench.pool, scheduler)).toBe(1);
  expect(await rebuild(bench.db, bench.pool, scheduler)).toBe(0);
  const grant = await scheduler.grant({ worker: 'w', kinds: ['parse'], slots: 1, heavySlots: 0 });
  expect(grant).toMatchObject({ lease: { jobId, pages: [1, 3] } });
});
