/** Page results that are gone from the store before they were indexed: the job says so and ends, or is canceled. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench } from '../fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;

test('a document whose page results are lost fails and says what helps; one that is to be canceled is canceled', async () => {
  const without = await bench.startWorker({}, { VECTORSTORE_URL: 'http://127.0.0.1:1' });
  const [lost, canceled] = [await bench.submit(await pdfOf(['one'])), await bench.submit(await pdfOf(['two']))];
  for (const { jobId } of [lost, canceled]) await bench.until(jobId, ({ stage }) => stage === 'indexing');
  await without.close(5000);
  for (const { object_key } of await bench.db.selectFrom('pages').select('object_key').execute())
    await bench.store.deletePrefix(object_key.slice(0, object_key.lastIndexOf('/') + 1));
  await bench.services.query(`update jobs set status = 'canceling' where id = $1`, [canceled.jobId]);
  const worker = await bench.startWorker();
  try {
    expect(await bench.until(lost.jobId, ended)).toMatchObject({
      status: 'failed',
      error: {
        code: 'damaged',
        detail: 'What was read of its pages is no longer stored. Delete the document, then upload it again.',
      },
    });
    expect(await bench.until(canceled.jobId, ended)).toMatchObject({ status: 'canceled', error: null });
    expect(await bench.search('one')).toEqual([]);
    // Which is possible, whatever is lost.
    const deletion = await bench.order('delete_document', lost.documentId);
    expect(await bench.until(deletion, ended)).toMatchObject({ status: 'succeeded' });
  } finally {
    await worker.close(5000);
  }
}, 180_000);
