/** Two index runs of one document: the newer one counts, whatever the older one still does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { endRun, type IndexRun, lookAt, startRun } from '../../../../services/document-worker/index/index-run.ts';
import { type Bench, openBench } from '../fixture.ts';
import { openGate } from './gate.ts';
import { expectConserved } from './vector-rows.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;
/** The document's fence. */
async function epochOf(documentId: string): Promise<number> {
  const [row] = await bench.services.query('select index_epoch::float8 as epoch from documents where id = $1', [
    documentId,
  ]);
  return (row as { epoch: number }).epoch;
}

/** Four upserts and more. */
const longText = Buffer.from(
  Array.from(
    { length: 12_000 },
    (_, line) => `Frigate number ${line} lies in dock ${line % 97}, said the harbour master.`,
  ).join('\n'),
);

test('the lock of an index run dies: a second run starts, the first is told off, and the vectors stay', async () => {
  const [first, second] = [await openGate(bench.env.VECTORSTORE_URL), await openGate(bench.env.VECTORSTORE_URL)];
  const workers = [await bench.startWorker({}, { VECTORSTORE_URL: first.url })];
  try {
    const { jobId, documentId } = await bench.submit(longText, 'text/plain');
    first.letThrough(1);
    await first.until(({ held }) => held > 0);
    const before = await epochOf(documentId);
    second.letThrough(0);
    workers.push(await bench.startWorker({}, { VECTORSTORE_URL: second.url }));
    await bench.services.query(terminateLockHolders);
    await second.until(({ held }) => held > 0);
    expect(await epochOf(documentId)).toBeGreaterThan(before);
    // What the first has sent arrives late, and it may go on if it thinks that it may.
    first.letThrough(Number.POSITIVE_INFINITY);
    await first.until(({ held, open }) => held + open === 0);
    await Promise.race([bench.until(jobId, ended), sleep(2000)]);
    // It may not: the job ends by the second, which still waits.
    expect(ended(await bench.job(jobId))).toBe(false);
    second.letThrough(Number.POSITIVE_INFINITY);
    expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded' });
    await Promise.all(workers.map((worker) => worker.close(30_000)));
    workers.length = 0;
    await expectConserved(bench, documentId);
  } finally {
    second.letThrough(Number.POSITIVE_INFINITY);
    await Promise.all(workers.map((worker) => worker.close(0)));
    await Promise.all([first.close(), second.close()]);
  }
}, 180_000);

test('two batches are under way at a time; a cancellation waits for both before it takes the vectors back', async () => {
  const gate = await openGate(bench.env.VECTORSTORE_URL);
  gate.letThrough(0);
  const worker = await bench.startWorker({}, { VECTORSTORE_URL: gate.url });
  try {
    const { tenantId, brainId } = bench;
    const { jobId, documentId } = await bench.submit(longText, 'text/plain');
    await gate.until(({ held }) => held === 2);
    await sleep(300);
    await gate.until(({ held }) => held === 2);
    await bench.services.query(`update jobs set status = 'canceling' where id = $1`, [jobId]);
    gate.letThrough(1);
    await gate.until(({ held, open }) => held + open === 1);
    expect(await bench.job(jobId)).toMatchObject({ status: 'canceling' });
    gate.letThrough(Number.POSITIVE_INFINITY);
    expect(await bench.until(jobId, ended)).toMatchObject({ status: 'canceled' });
    expect(await bench.vectors.chunksOf({ tenantId, brainId, documentId }, 1, 100)).toEqual([]);
  } finally {
    gate.letThrough(Number.POSITIVE_INFINITY);
    await worker.close(0);
    await gate.close();
  }
}, 180_000);

test('a run that reaches its end after a newer one began ends nothing', async () => {
  const { jobId } = await bench.submit(Buffer.from('One page.'), 'text/plain');
  await bench.services.query(`update jobs set status = 'running', stage = 'indexing' where id = $1`, [jobId]);
  const older = (await startRun(bench.db, jobId)) as IndexRun;
  const newer = (await startRun(bench.db, jobId)) as IndexRun;
  expect([await lookAt(bench.db, older), await lookAt(bench.db, newer)]).toEqual(['superseded', 'current']);
  expect(await endRun(bench.db, older, 'succeeded')).toBe(false);
  expect(await bench.job(jobId)).toMatchObject({ status: 'running', stage: 'indexing', finished_at: null });
  expect(await endRun(bench.db, newer, 'succeeded')).toBe(true);
  // What ended stays as it ended, and that is no cancellation.
  expect(await endRun(bench.db, newer, 'canceled')).toBe(false);
  expect([await lookAt(bench.db, newer), (await bench.job(jobId)).status]).toEqual(['superseded', 'succeeded']);
}, 180_000);

test('a run that ends waits for a deletion that has its job, and does not hold the document meanwhile', async () => {
  const { jobId, documentId } = await bench.submit(Buffer.from('One page.'), 'text/plain');
  await bench.services.query(`update jobs set status = 'running', stage = 'indexing' where id = $1`, [jobId]);
  const run = (await startRun(bench.db, jobId)) as IndexRun;
  const deletion = new pg.Client({ connectionString: bench.services.databaseUrl });
  await deletion.connect();
  await deletion.query('begin');
  await deletion.query('select from jobs where id = $1 for no key update', [jobId]);
  const end = endRun(bench.db, run, 'succeeded');
  await bench.services.waitForLocks();
  const marked = await deletion
    .query('select from documents where id = $1 for update nowait', [documentId])
    .finally(() => deletion.end());
  expect([marked.rowCount, await end]).toEqual([1, true]);
}, 180_000);

/** Whoever's last statement took a lock of a document. */
const terminateLockHolders = `
  select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()
    and pid in (select pid from pg_locks where locktype = 'advisory') and query ilike '%pg_try_advisory_lock%'`;
