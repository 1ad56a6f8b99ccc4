/** An operator suspends a tenant amid its documents: nothing more is read or paid for it until that is taken back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStubEmbedding } from '../../../support/embedding/stub-embedding.ts';
import { pdfOf } from '../documents.ts';
import { dimensions, embeddingEnv } from '../embed/vectors.ts';
import { type Bench, openBench } from '../fixture.ts';
import { openRemote, type Remote } from '../remote/remote.ts';

let bench: Bench;
let remote: Remote;
beforeAll(async () => {
  bench = await openBench();
  const oneAtATime = { PARSER_PAGES_PER_REQUEST: '1', PARSER_REQUESTS_MAX: '1' };
  remote = await openRemote(bench, 'docling', { pageMs: 100 }, oneAtATime);
});
afterAll(async () => {
  await remote.close();
  await bench.close();
});

const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;
const suspend = (suspended_at: Date | null) => bench.db.updateTable('tenants').set({ suspended_at }).execute();
const pageCount = 60;

test('a document stops after the grants that are under way, what waits is not begun, and both go on afterwards', async () => {
  const { jobId } = await remote.submit(await pdfOf(Array.from({ length: pageCount }, (_, at) => `page ${at}`)));
  await bench.until(jobId, ({ pages_done }) => pages_done > 0);
  await suspend(new Date());
  const { jobId: later } = await bench.submit(Buffer.from('A short text.'), 'text/plain');
  const paused = ({ status }: { status: string }) => status === 'paused';
  const why = { code: 'forbidden', detail: expect.stringContaining('suspended') };
  const state = { stage: null, paused_until: null, error: why };
  const stopped = await bench.until(jobId, (job) => paused(job) || ended(job));
  expect(stopped).toMatchObject({ status: 'paused', ...state });
  expect(await bench.until(later, (job) => paused(job) || ended(job))).toMatchObject({ status: 'paused', ...state });
  // Also not by those who look for lost and paused work.
  const paid = remote.parser.calls.length;
  expect(paid).toBeLessThan(pageCount);
  await sleep(16_000);
  expect(remote.parser.calls).toHaveLength(paid);
  expect(await bench.job(jobId)).toMatchObject({ status: 'paused', pages_done: stopped.pages_done });

  await suspend(null);
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: pageCount, error: null });
  expect(await bench.until(later, ended)).toMatchObject({ status: 'succeeded' });
});

test('what is read is neither indexed nor embedded meanwhile', async () => {
  const { jobId } = await bench.submit(Buffer.from('Words to find.'), 'text/plain');
  const { document_id: documentId } = await bench.until(jobId, ended);
  await suspend(new Date());
  const indexing = await bench.submit(Buffer.from('Other words.'), 'text/plain');
  await bench.services.query(`update jobs set status = 'running', stage = 'indexing' where id = $1`, [indexing.jobId]);
  await bench.services.query('update documents set vectors_pending = true where id = $1', [documentId]);
  const stub = await startStubEmbedding(dimensions);
  await bench.db.updateTable('brains').set({ embedding_model: 'stub', embedding_dimensions: dimensions }).execute();
  const worker = await bench.startWorker({}, embeddingEnv(stub, 'stub'));
  await bench.notify(indexing.jobId);
  // It looks for both when it starts, and when it is told.
  await sleep(3000);
  expect(stub.asked).toEqual([]);
  expect(await bench.job(indexing.jobId)).toMatchObject({ status: 'running', stage: 'indexing' });

  await suspend(null);
  await bench.notify(indexing.jobId);
  await bench.until(indexing.jobId, ended);
  await stub.until(() => stub.asked.length > 0);
  await worker.close(5000);
  await stub.close();
});
