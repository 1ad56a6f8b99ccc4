/** Documents made to end a worker, in front of the real process under its real heap flags. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { heapFlags } from '../../../../environments/budget/heap.ts';
import { crowdedPdf, pdfOf } from '../documents.ts';
import { type Bench, openBench } from '../fixture.ts';

const main = join(import.meta.dirname, '../../../../services/document-worker/main.ts');
/** Of this one a page may end the worker itself. */
const hostile = join(import.meta.dirname, 'hostile-worker.ts');
/** Generous: a machine that does much else takes several times as long. */
const limitMs = 240_000;
const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;

let bench: Bench;
let redis: Redis;
let worker: ChildProcess | undefined;
beforeAll(async () => {
  bench = await openBench();
  redis = new Redis(bench.services.redisUrl);
});
afterEach(async () => {
  const child = worker;
  worker = undefined;
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
});
afterAll(async () => {
  redis.disconnect();
  await bench.close();
});

const leases = '{bulkhead:schedule}:leases';
async function expireAll() {
  for (const lease of await redis.zrange(leases, '0', '-1')) await redis.call('ZADD', [leases, 'XX', '0', lease]);
}

/** The process as an image starts it; answers how often it ended by itself. */
function startProcess(program = main): { deaths: number } {
  const told = { deaths: 0 };
  const flags = ['--single-threaded-gc', '--heap-growing-percent=300', '--no-memory-reducer'];
  const start = () => {
    const child = spawn(process.execPath, [...flags, ...heapFlags('document-worker', 1536), program], {
      env: bench.env,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    worker = child;
    child.once('exit', () => {
      if (worker !== child) return;
      told.deaths += 1;
      // Its leases run out; the test does not wait for it.
      void expireAll();
      if (told.deaths < 10) start();
    });
  };
  start();
  return told;
}

test('50 pages of 60,000 short lines end no worker: each page says what is too much, others are served', async () => {
  const body = crowdedPdf(50, 60_000);
  expect(body.length).toBeLessThan(300_000);
  const process = startProcess();
  const poison = await bench.submit(body);
  const other = await bench.submit(await pdfOf(['an ordinary page']));
  expect(await bench.until(other.jobId, ended, limitMs)).toMatchObject({ status: 'succeeded' });
  const job = await bench.until(poison.jobId, ended, limitMs);
  expect(process.deaths).toBe(0);
  expect(job).toMatchObject({ status: 'failed', pages_done: 50, pages_failed: 50, error: { code: 'damaged' } });
  const rows = await bench.db.selectFrom('pages').selectAll().where('document_id', '=', poison.documentId).execute();
  expect(new Set(rows.map(({ error_code }) => error_code))).toEqual(new Set(['too-large']));
  expect(rows.find(({ page_number }) => page_number === 7)?.error_message).toBe(
    'Page 7 has 60000 lines, allowed are 10000.',
  );
}, 500_000);

test('50 pages as full as they may be are read, in several checkpoints, and end no worker', async () => {
  const process = startProcess();
  const { jobId, documentId } = await bench.submit(crowdedPdf(50, 10_000));
  const job = await bench.until(jobId, ended, limitMs);
  expect(process.deaths).toBe(0);
  expect(job).toMatchObject({ status: 'succeeded', pages_done: 50, pages_failed: 0 });
  const rows = await bench.db.selectFrom('pages').selectAll().where('document_id', '=', documentId).execute();
  expect(new Set(rows.map(({ object_key }) => object_key)).size).toBeGreaterThan(2);
}, 500_000);

test('a page that ends its worker is given up after three, and the other pages are read', async () => {
  const process = startProcess(hostile);
  const orders = Array.from({ length: 20 }, (_, page) => (page === 6 ? 'end-worker' : `page ${page + 1}`));
  const { jobId, documentId } = await bench.submit(Buffer.from(orders.join('\n')), 'text/plain');
  const job = await bench.until(jobId, ended, limitMs);
  expect(process.deaths).toBe(3);
  expect(job).toMatchObject({ status: 'partial', pages_done: 20, pages_failed: 1 });
  const failed = await bench.db
    .selectFrom('pages')
    .select(['page_number', 'error_code', 'error_message'])
    .where('document_id', '=', documentId)
    .where('error_code', 'is not', null)
    .execute();
  const error_message = 'Reading page 7 ended the program that reads 3 times, so it was given up.';
  expect(failed).toEqual([{ page_number: 7, error_code: 'crash', error_message }]);
}, 500_000);

test('a document whose pages all end their worker is given up as a whole', async () => {
  const process = startProcess(hostile);
  const { jobId } = await bench.submit(Buffer.from(Array(50).fill('end-worker').join('\n')), 'text/plain');
  const job = await bench.until(jobId, ended, limitMs);
  expect(process.deaths).toBe(6);
  expect(job).toMatchObject({
    status: 'failed',
    error: { code: 'damaged', detail: 'Reading it ended the program that reads 5 times, so it was given up.' },
  });
}, 500_000);

test('a parser child that ends after it gave the last page: the document is read all the same', async () => {
  const process = startProcess(hostile);
  const { jobId } = await bench.submit(Buffer.from('one\ntwo\nexit-after'), 'text/plain');
  expect(await bench.until(jobId, ended, limitMs)).toMatchObject({ status: 'succeeded', pages_done: 3 });
  expect(process.deaths).toBe(0);
}, 500_000);
