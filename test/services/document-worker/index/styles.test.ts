/** A document made to cost its worker, which indexes in its main process, more time than a probe of its life waits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { styledPdf } from '../documents.ts';
import { openBench } from '../fixture.ts';

/** Held against every style that was learned, its last page took minutes; it takes less than a second. */
const silentMsMax = 15_000;

test('a document of 30,000 styles of headings is indexed, and the worker answers throughout', async () => {
  const bench = await openBench();
  const worker = await bench.startWorker();
  let silentMs = 0;
  const stop = new AbortController();
  const watch = async () => {
    for (let answeredMs = performance.now(); !stop.signal.aborted; await sleep(50)) {
      expect((await worker.app.http.inject('/livez')).statusCode).toBe(200);
      silentMs = Math.max(silentMs, performance.now() - answeredMs);
      answeredMs = performance.now();
    }
  };
  try {
    const { jobId } = await bench.submit(styledPdf(3000));
    const watching = watch();
    const job = await bench.until(jobId, ({ finished_at }) => finished_at !== null, 240_000);
    stop.abort();
    await watching;
    expect(job).toMatchObject({ status: 'succeeded', pages_done: 65, pages_failed: 0 });
    expect(silentMs).toBeLessThan(silentMsMax);
  } finally {
    stop.abort();
    await worker.close(5000);
    await bench.close();
  }
}, 300_000);
