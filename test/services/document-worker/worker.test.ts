import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Bench, openBench } from './fixture.ts';

const manual = '/usr/share/R/doc/manual/fullrefman.pdf';

const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test('a manual of more than 2,000 pages is read whole, each page once, and can be searched', async () => {
  const worker = await bench.startWorker();
  const { jobId, documentId } = await bench.submit(await readFile(manual));
  const job = await bench.until(jobId, ended, 120_000);
  await worker.close(5000);
  expect(job).toMatchObject({ status: 'succeeded', pages_total: 2415, pages_done: 2415, pages_failed: 0, error: null });
  expect(job.expires_at?.getTime()).toBeGreaterThanOrEqual(Date.now() + 6.9 * 86_400_000);
  const pages = await bench.pages(documentId);
  expect(pages.map(({ page_number }) => page_number)).toEqual(Array.from({ length: 2415 }, (_, index) => index + 1));
  const [hit] = await bench.search('constrOptim linearly constrained optimization');
  const page = pages[(hit?.page_number ?? 0) - 1];
  expect(hit?.document_id).toBe(documentId);
  expect(page?.text.slice(hit?.start, hit?.end)).toBe(hit?.text);
  expect(hit?.text).toContain('onstr');
  const ledger = await bench.db.selectFrom('ledger').selectAll().where('job_id', '=', jobId).execute();
  expect(ledger.reduce((sum, { amount }) => sum + amount, 0)).toBe(2415);
}, 180_000);
