/** Documents read by a provider's parser: both formats, and every way in which it fails. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { PDFDocument, StandardFonts } from 'pdf-lib';
import type { DocumentWorker } from '../../../../services/document-worker/app.ts';
import { picture } from '../../../support/reference-parser/formats.ts';
import { type ReferenceParser, startReferenceParser } from '../../../support/reference-parser/server.ts';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench } from '../fixture.ts';

const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;
const texts = (count: number, word = 'page') => Array.from({ length: count }, (_, at) => `${word} number${at + 1}`);

let bench: Bench;
let redis: Redis;
beforeAll(async () => {
  bench = await openBench();
  redis = new Redis(bench.services.redisUrl);
});
afterAll(async () => {
  redis.disconnect();
  await bench.close();
});

let parser: ReferenceParser;
let worker: DocumentWorker | undefined;
afterEach(async () => {
  await worker?.close(100);
  worker = undefined;
  await parser.close();
  // The next worker then looks at every job when it starts, also at one that came a moment before.
  await redis.flushall();
});

async function start(
  backend: 'docling' | 'unstructured',
  options: Parameters<typeof startReferenceParser>[0] = {},
  env: Record<string, string> = {},
) {
  parser = await startReferenceParser(options);
  worker = await bench.startWorker({}, { PARSER_BACKEND: backend, PARSER_URL: parser.url, ...env });
}

/** Sums of the ledger for one job. */
async function ledgerOf(jobId: string): Promise<Record<string, number>> {
  const rows = await bench.db
    .selectFrom('ledger')
    .select((eb) => ['kind', eb.fn.sum<number>('amount').as('sum')])
    .where('job_id', '=', jobId)
    .groupBy('kind')
    .execute();
  return Object.fromEntries(rows.map(({ kind, sum }) => [kind, Number(sum)]));
}
const callsOf = (jobId: string) =>
  bench.db.selectFrom('parser_calls').selectAll().where('job_id', '=', jobId).orderBy('id').execute();
const billed = () => ({ parser_calls: parser.calls.length, parser_pages: parser.pages });

describe.each(['docling', 'unstructured'] as const)('%s', (backend) => {
  test('reads a PDF in requests of a few pages, each page once, with boxes in points; it is found by its words', async () => {
    await start(backend, { apiKey: 'secret' }, { PARSER_API_KEY: 'secret', PARSER_PAGES_PER_REQUEST: '4' });
    const { jobId, documentId } = await bench.submit(await pdfOf(texts(10, backend)));
    expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 10, pages_failed: 0 });
    expect(parser.calls.map(({ pages }) => pages).toSorted()).toEqual([2, 4, 4]);
    expect(new Set(parser.calls.map(({ format }) => format))).toEqual(new Set([backend]));
    const pages = await bench.pages(documentId);
    expect(pages.map(({ text }) => text)).toEqual(texts(10, backend));
    const [page] = pages;
    expect(page?.metadata).toEqual({ parser: backend, width: 595, height: 842, rotation: 0, scanned: false });
    const [line] = page?.lines ?? [];
    expect(line?.slice(0, 2)).toEqual([0, page?.text.length]);
    // Where pdfOf writes it.
    expect(line?.[2]).toBeCloseTo(50, -1);
    expect(line?.[5]).toBeCloseTo(42, -1);
    expect((await bench.search('number7', documentId))[0]).toMatchObject({ page_number: 7 });
    expect(await ledgerOf(jobId)).toMatchObject({ ...billed(), pages: 10 });
  });

  test('gives the cells of tables when they are wanted, and the bytes of pictures', async () => {
    await start(backend);
    const pdf = await PDFDocument.create();
    const font = await pdf.embedFont(StandardFonts.Helvetica);
    const page = pdf.addPage([595, 842]);
    page.drawText('Ship | Bulkheads', { x: 50, y: 800, size: 12, font });
    const image = await pdf.embedPng(Buffer.from(onePixel, 'base64'));
    page.drawImage(image, { x: 100, y: 100, width: 200, height: 100 });
    const bytes = await pdf.save();
    const { jobId, documentId } = await bench.submit(bytes);
    await bench.until(jobId, ended);
    const [plain] = await bench.pages(documentId);
    expect(plain?.tables).toEqual({ status: 'off', items: [] });
    expect(plain?.images).toMatchObject([{ stored: { media_type: 'image/png', offset: 0 } }]);
    expect(plain?.images[0]?.box.map(Math.round)).toEqual([100, 642, 300, 742]);

    const wanted = await bench.submit(bytes, 'application/pdf', undefined, {
      extract_tables: true,
      extract_images: false,
    });
    await bench.until(wanted.jobId, ended);
    const [full] = await bench.pages(wanted.documentId);
    expect(full?.tables).toEqual({ status: 'extracted', items: [[['Ship', 'Bulkheads']]] });
    expect(full?.text).toContain('Bulkheads');
    expect(full?.images[0]?.stored).toBeUndefined();
  });

  test('an answer that breaks off or is no JSON is asked for again, and counted each time', async () => {
    await start(backend);
    parser.next('truncate', 'no-json');
    const { jobId } = await bench.submit(await pdfOf(texts(2)));
    expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_failed: 0 });
    expect((await callsOf(jobId)).map(({ outcome, repeated }) => [outcome, repeated])).toEqual([
      ['failed', false],
      ['failed', false],
      ['answered', false],
    ]);
    expect(parser.calls).toHaveLength(3);
    expect(new Set(parser.calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    expect(await ledgerOf(jobId)).toMatchObject({ ...billed(), pages: 2 });
  }, 90_000);
});

const onePixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPj/HwADAgH/p9qXGQAAAABJRU5ErkJggg==';

test('the built-in parser keeps a JPEG as it stands and every other picture as PNG, when pictures are wanted', async () => {
  parser = await startReferenceParser();
  worker = await bench.startWorker();
  const pdf = await PDFDocument.create();
  const page = pdf.addPage([300, 300]);
  // pdf-lib reads a view from the first byte of its buffer.
  const jpeg = Uint8Array.from(Buffer.from(smallJpeg, 'base64'));
  page.drawImage(await pdf.embedJpg(jpeg), { x: 0, y: 0, width: 100, height: 100 });
  page.drawImage(await pdf.embedPng(Buffer.from(picture, 'base64')), { x: 100, y: 100, width: 100, height: 100 });
  const bytes = await pdf.save();
  const { jobId, documentId } = await bench.submit(bytes);
  await bench.until(jobId, ended);
  const row = await bench.db.selectFrom('pages').selectAll().where('document_id', '=', documentId).executeTakeFirst();
  const [read] = await bench.pages(documentId);
  const files = (read?.images ?? []).map(({ stored }) => stored);
  expect(files).toMatchObject([
    { media_type: 'image/jpeg', offset: 0, bytes: jpeg.length },
    { media_type: 'image/png', offset: jpeg.length },
  ]);
  const object = await bench.store.read(row?.object_key as string);
  const [first, second] = files.map((stored) => {
    const start = (row?.images_offset ?? 0) + (stored?.offset ?? 0);
    return object.subarray(start, start + (stored?.bytes ?? 0));
  });
  expect(first?.equals(jpeg)).toBe(true);
  // Its pixels are those that went in.
  const again = await PDFDocument.create();
  expect(await again.embedPng(Uint8Array.from(second ?? []))).toMatchObject({ width: 2, height: 2 });

  const bare = await bench.submit(bytes, 'application/pdf', undefined, { extract_images: false });
  await bench.until(bare.jobId, ended);
  expect((await bench.pages(bare.documentId))[0]?.images.map(({ stored }) => stored)).toEqual([undefined, undefined]);
});

/** 1 × 1 pixel. */
const smallJpeg =
  '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=';
