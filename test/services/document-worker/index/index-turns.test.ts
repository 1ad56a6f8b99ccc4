/** Who is indexed next when many wait: no stream of small documents, and no tenant, keeps others waiting. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { slots } from '../../../../services/document-worker/index/index-loop.ts';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench } from '../fixture.ts';
import { openGate } from './gate.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test('a larger document and another tenant wait for those before them, not for all small ones that come after', async () => {
  const gate = await openGate(bench.env.VECTORSTORE_URL);
  gate.letThrough(0);
  const worker = await bench.startWorker({}, { VECTORSTORE_URL: gate.url });
  try {
    const small = () => bench.submit(Buffer.from('One short page.'), 'text/plain');
    // Every place is taken: whoever comes now waits.
    const first = await Promise.all(Array.from({ length: slots }, small));
    await gate.until(({ held }) => held >= first.length);
    const larger = await bench.submit(await pdfOf(['one', 'two', 'three', 'four']));
    const after = await Promise.all(Array.from({ length: 8 }, small));
    const other = await bench.submit(Buffer.from('Of somebody else.'), 'text/plain', await bench.newPlace());
    const all = [...first, larger, ...after, other];
    for (const { jobId } of all) await bench.until(jobId, ({ stage }) => stage === 'indexing');
    gate.letThrough(Number.POSITIVE_INFINITY);
    for (const { jobId } of all) await bench.until(jobId, ({ status }) => status === 'succeeded');
    // An epoch is the time of a run's begin.
    const rows = await bench.services.query('select id from documents order by index_epoch');
    const begun = (rows as { id: string }[]).map(({ id }) => id);
    const place = ({ documentId }: { documentId: string }) => begun.indexOf(documentId) - first.length;
    expect([place(larger) < 3, place(other) < 3]).toEqual([true, true]);
  } finally {
    gate.letThrough(Number.POSITIVE_INFINITY);
    await worker.close(30_000);
    await gate.close();
  }
}, 180_000);
