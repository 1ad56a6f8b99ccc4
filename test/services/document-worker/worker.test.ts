import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { PDFDocument } from 'pdf-lib';
import pg from 'pg';
import type { DocumentWorker } from '../../../services/document-worker/app.ts';
import { packPage } from '../../../services/document-worker/parser/serve-reads.ts';
import { RedisScheduler } from '../../../services/shared/scheduler/redis-scheduler.ts';
import { originalKey } from '../../../services/shared/storage/object-keys.ts';
import { writePageResults } from '../../../services/shared/storage/page-results.ts';
import { lacksManuals, lacksQpdf, picturePdf } from '../../flows/documents.ts';
import { testWith } from '../../support/skip.ts';
import { brokenKoreanPdf, encrypt, pdfOf } from './documents.ts';
import { type Bench, openBench } from './fixture.ts';
import { expectConserved, vectorRows } from './index/vector-rows.ts';

const manual = '/usr/share/R/doc/manual/fullrefman.pdf';

const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;

let bench: Bench;
let worker: DocumentWorker;
beforeAll(async () => {
  bench = await openBench({ PAGES_MAX: '2500' });
  worker = await bench.startWorker();
});
afterAll(async () => {
  await worker.close(5000);
  await bench.close();
});

testWith(lacksManuals)(
  'a manual of more than 2,000 pages is read whole, each page once, and can be searched',
  async () => {
    const { jobId, documentId } = await bench.submit(await readFile(manual));
    const job = await bench.until(jobId, ended);
    expect(job).toMatchObject({
      status: 'succeeded',
      pages_total: 2415,
      pages_done: 2415,
      pages_failed: 0,
      error: null,
    });
    expect(job.expires_at?.getTime()).toBeGreaterThanOrEqual(Date.now() + 6.9 * 86_400_000);
    const pages = await bench.pages(documentId);
    expect(pages.map(({ page_number }) => page_number)).toEqual(Array.from({ length: 2415 }, (_, index) => index + 1));
    const [hit] = await bench.search('constrOptim linearly constrained optimization');
    const page = pages[(hit?.page_number ?? 0) - 1];
    expect(hit?.document_id).toBe(documentId);
    expect(page?.text.slice(hit?.start, hit?.end)).toBe(hit?.text);
    expect(hit?.text).toContain('onstr');
    const entries = bench.db.selectFrom('ledger').selectAll().where('job_id', '=', jobId);
    const ledger = await entries.where('kind', '=', 'pages').execute();
    expect(ledger.reduce((sum, { amount }) => sum + amount, 0)).toBe(2415);
  },
  // Indexing 2,415 pages takes minutes on a machine that does much else.
  900_000,
);

test('what is to be read is not looked for among what is to be indexed', async () => {
  const sent = jest.spyOn(pg.Client.prototype, 'query');
  const documents = 10;
  const beganMs = Date.now();
  for (let at = 0; at < documents; at += 1) {
    const { jobId } = await bench.submit(Buffer.from(`Refunds of kind ${at}.`), 'text/plain');
    expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded' });
  }
  const looks = sent.mock.calls.filter(([given]) => JSON.stringify(given).includes('row_number()')).length;
  sent.mockRestore();
  // One when its pages are done, one when it has been indexed; and every 15 s for what was lost. Three of each otherwise.
  expect(looks).toBeLessThan(2.5 * documents + 1 + Math.floor((Date.now() - beganMs) / 15_000));
});

test('Markdown is cut in pages and found by its words', async () => {
  const { jobId } = await bench.submit(Buffer.from('# 선체\n\n격벽이 배를 나눕니다.'), 'text/markdown');
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_total: 1, price_usd: 0 });
  expect((await bench.search('격벽'))[0]).toMatchObject({ page_number: 1, text: '# 선체\n\n격벽이 배를 나눕니다.' });
});

test('a document with a bad page is partial: the rest can be searched', async () => {
  const { jobId, documentId } = await bench.submit(brokenKoreanPdf('구명조끼는 좌석 아래에 있습니다'));
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'partial', pages_done: 3, pages_failed: 1 });
  const failed = await bench.db.selectFrom('pages').selectAll().where('error_code', 'is not', null).execute();
  expect(failed).toMatchObject([{ document_id: documentId, page_number: 2, error_code: 'corrupt' }]);
  expect((await bench.search('구명조끼', documentId)).map(({ page_number }) => page_number).toSorted()).toEqual([1, 3]);
});

test('pages that are pictures count: the document is partial, and says how many hold no text', async () => {
  const { jobId, documentId } = await bench.submit(await picturePdf(11, ['The only page with text.']));
  expect(await bench.until(jobId, ended)).toMatchObject({
    status: 'partial',
    pages_done: 12,
    pages_failed: 0,
    pages_without_text: 11,
  });
  expect((await bench.search('only page', documentId)).map(({ page_number }) => page_number)).toEqual([12]);
});

test('a document of pictures alone fails, and says why', async () => {
  const { jobId } = await bench.submit(await picturePdf(3));
  expect(await bench.until(jobId, ended)).toMatchObject({
    status: 'failed',
    pages_without_text: 3,
    error: {
      code: 'no-text',
      detail: '3 of 3 pages hold no text (scanned?); pictures of text cannot be read here.',
    },
  });
});

test('a blank page lacks nothing', async () => {
  const pdf = await PDFDocument.load(await pdfOf(['The page before a blank one.']));
  pdf.addPage();
  const { jobId } = await bench.submit(await pdf.save());
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 2, pages_without_text: 0 });
});

test.each([
  ['garbage', 'damaged', async () => Buffer.from('%PDF-1.7 nothing of it is true')],
  ['a cut-off file', 'damaged', async () => (await pdfOf(['one'])).subarray(0, 300)],
  ['a scan', 'no-text', () => picturePdf(2)],
  ['too many pages', 'too-many-pages', () => pdfOf(Array(2501).fill('page'))],
])('%s fails as %s, and says why', async (_what, code, make) => {
  const { jobId } = await bench.submit(await make());
  const job = await bench.until(jobId, ended);
  expect(job).toMatchObject({ status: 'failed', stage: null, error: { code, detail: expect.any(String) } });
});

test('an empty text fails as no-text', async () => {
  const { jobId } = await bench.submit(Buffer.from(' \n'), 'text/plain');
  expect(await bench.until(jobId, ended)).toMatchObject({
    status: 'failed',
    error: { code: 'no-text', status: 422, detail: 'The file has no text in it.' },
  });
});

testWith(lacksQpdf)('a locked document fails as encrypted', async () => {
  const path = await encrypt(`${bench.services.folder}/locked.pdf`, await pdfOf(['secret']));
  const { jobId } = await bench.submit(await readFile(path));
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'failed', error: { code: 'encrypted' } });
});

test('a tenant over its pages of the day is told so before any page is read', async () => {
  const set = (pages_per_day_max: number | null) =>
    bench.db.updateTable('tenants').set({ pages_per_day_max }).execute();
  await set(1);
  const { jobId, documentId } = await bench.submit(await pdfOf(['one', 'two']));
  const job = await bench.until(jobId, ended);
  await set(null);
  expect(job).toMatchObject({ status: 'failed', error: { code: 'quota', status: 429 } });
  expect(await bench.pages(documentId)).toEqual([]);
});

test('a failed page can be read again: its chunks join the others', async () => {
  const { jobId, documentId } = await bench.submit(await pdfOf(['alpha anchor', 'beta buoy']));
  await bench.until(jobId, ended);
  await bench.db.deleteFrom('pages').where('document_id', '=', documentId).where('page_number', '=', 2).execute();
  await bench.db
    .updateTable('jobs')
    .set({ status: 'queued', stage: null, attempt: 2, pages_done: 1, finished_at: null, expires_at: null })
    .where('id', '=', jobId)
    .execute();
  await bench.notify(jobId);
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 2, attempt: 2 });
  const hits = await bench.search('anchor buoy', documentId);
  expect(hits.map(({ page_number }) => page_number).toSorted()).toEqual([1, 2]);
  expect(await expectConserved(bench, documentId)).toBe(2);
});

test('a page that reads differently the next time replaces its chunks, and a canceled run leaves none', async () => {
  const { jobId, documentId } = await bench.submit(await pdfOf(['gamma gull '.repeat(300), 'delta drift']));
  await bench.until(jobId, ended);
  const before = await expectConserved(bench, documentId);
  // As a parser of a later release might: less text, so that chunks of the first run have no successor.
  const [row] = await bench.db.selectFrom('pages').select('object_key').where('document_id', '=', documentId).execute();
  const pages = await bench.pages(documentId);
  const shorter = pages.map((page) => ({ ...page, text: `${page.text.slice(0, 11)} once`, lines: [] }));
  const packed = shorter.map(packPage);
  const written = await writePageResults(bench.store, String(row?.object_key), packed);
  for (const [index, { page_number, packed: bytes }] of packed.entries())
    await bench.db
      .updateTable('pages')
      .set({ object_offset: written[index]?.offset as number, object_bytes: bytes.length })
      .where('document_id', '=', documentId)
      .where('page_number', '=', page_number)
      .execute();
  const again = (status: string) =>
    bench.db
      .updateTable('jobs')
      .set({ status, stage: 'indexing', attempt: 2, finished_at: null, expires_at: null })
      .where('id', '=', jobId)
      .execute();
  await again('running');
  await bench.notify(jobId);
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded' });
  expect(await expectConserved(bench, documentId)).toBeLessThan(before);
  await again('canceling');
  await bench.notify(jobId);
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'canceled' });
  expect(await vectorRows(bench, documentId)).toEqual([]);
});

test('deleting a document removes its vectors, objects and rows, and watchers are told', async () => {
  const { jobId, documentId } = await bench.submit(await pdfOf(['ephemeral jellyfish']));
  await bench.until(jobId, ended);
  const deletion = await bench.order('delete_document', documentId);
  const job = await bench.until(deletion, ended);
  expect(job).toMatchObject({ status: 'succeeded', document_id: null });
  expect(await bench.db.selectFrom('documents').where('id', '=', documentId).selectAll().execute()).toEqual([]);
  await expect(bench.store.size(originalKey(bench.tenantId, documentId))).rejects.toThrow('is not in the object store');
  expect(await bench.search('ephemeral jellyfish', documentId)).toEqual([]);
  const told = await bench.db.selectFrom('events').selectAll().where('event', '=', 'document.deleted').execute();
  expect(told).toMatchObject([{ resource_id: documentId, data: { id: documentId, brain_id: bench.brainId } }]);
});

test('a canceled document stops, and leaves nothing to be found', async () => {
  const text = Array(900).fill('cormorants dive deep');
  const { jobId, documentId } = await bench.submit(await pdfOf(text));
  await bench.until(jobId, ({ pages_done }) => pages_done > 0);
  await bench.db.updateTable('jobs').set({ status: 'canceling' }).where('id', '=', jobId).execute();
  await bench.notify(jobId);
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'canceled' });
  expect(await bench.search('cormorants dive deep', documentId)).toEqual([]);
});

test('deleting a brain empties it', async () => {
  const deletion = await bench.order('delete_brain', null);
  expect(await bench.until(deletion, ended)).toMatchObject({ status: 'succeeded' });
  expect(await bench.db.selectFrom('documents').selectAll().execute()).toEqual([]);
  expect(await bench.db.selectFrom('brains').selectAll().execute()).toMatchObject([{ name: '' }]);
});

test('metrics tell of pages, faults, children and the schedule', async () => {
  const text = await worker.app.metrics.metrics();
  for (const name of [
    'parser_pages_total',
    'parser_page_errors_total{code="corrupt"} 1',
    'parser_children ',
    'schedule_waiting_jobs{band="1-10"} 0',
  ])
    expect(text).toContain(name);
  const ready = await worker.app.http.inject('/readyz');
  const { network } = ready.json().parser_isolation;
  expect(ready.json()).toEqual({
    status: 'ok',
    parser_isolation: { network, refused: expect.any(Array) },
    search: 'by words only: no embedding is configured',
  });
  expect(['none', 'open']).toContain(network);
});

test('a job sent before the worker listens is begun when it does, not at the next look for lost ones', async () => {
  await worker.close(5000);
  const { jobId } = await bench.submit(await pdfOf(['unheard']));
  worker = await bench.startWorker();
  while ((await worker.app.http.inject('/readyz')).statusCode !== 200) await sleep(50);
  const readyMs = Date.now();
  const { started_at } = await bench.until(jobId, (job) => job.started_at !== null);
  // Looks are 15 s apart.
  expect((started_at as Date).getTime() - readyMs).toBeLessThan(8000);
});

test('a worker that is started again under its name is another worker: it holds other leases', async () => {
  const redis = new Redis(bench.services.redisUrl);
  const slotsAbove = async (before: number) => {
    const slots = async () => (await new RedisScheduler(redis).outlook()).slots;
    for (let waited = 0; (await slots()) <= before && waited < 300; waited += 1) await sleep(100);
    return slots();
  };
  const started: DocumentWorker[] = [];
  try {
    const ofAllTests = await slotsAbove(0);
    for (const slots of [ofAllTests + 1, ofAllTests + 2]) {
      started.push(await bench.startWorker({}, { REPLICA: 'one', PARSER_CHILDREN: '1' }));
      expect(await slotsAbove(slots - 1)).toBe(slots);
    }
  } finally {
    await Promise.all(started.map((one) => one.close(5000)));
    redis.disconnect();
  }
}, 120_000);
