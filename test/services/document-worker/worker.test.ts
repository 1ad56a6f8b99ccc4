import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Bench, openBench } from './fixture.ts';

const manual = '/usr/share/R/doc/manual/fullrefman.pdf';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test('a manual of more than 2,000 pages is probed, parsed and checkpointed page by page', async () => {
  const worker = await bench.startWorker();
  const { jobId, documentId } = await bench.submit(await readFile(manual));
  const job = await bench.until(jobId, ({ stage }) => stage === 'indexing');
  await worker.close(5000);
  expect(job).toMatchObject({ status: 'running', pages_total: 2415, pages_done: 2415, pages_failed: 0 });
  const pages = await bench.pages(documentId);
  expect(pages.map(({ page_number }) => page_number)).toEqual(Array.from({ length: 2415 }, (_, index) => index + 1));
}, 120_000);
