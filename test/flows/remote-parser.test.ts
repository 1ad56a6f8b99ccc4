/** A provider's parser through the public API: an upload becomes pages, tables, pictures, passages and a bill. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PDFDocument, StandardFonts } from 'pdf-lib';
import { routes } from '../../services/shared/contract/routes.ts';
import { picture } from '../support/reference-parser/formats.ts';
import { type ReferenceParser, startReferenceParser } from '../support/reference-parser/server.ts';
import { type Flow, openFlow, startTimeoutMs } from './deployment.ts';

let flow: Flow;
let parser: ReferenceParser;
let brain: string;
beforeAll(async () => {
  parser = await startReferenceParser({ apiKey: 'key', pagesPerMinute: 600 });
  flow = await openFlow({
    outer: {
      PARSER_BACKEND: 'docling',
      PARSER_URL: parser.url,
      PARSER_API_KEY: 'key',
      PARSER_PAGES_PER_REQUEST: '2',
      PARSER_PAGES_PER_MINUTE: '600',
    },
  });
  brain = (await flow.owner.call(routes.createBrain, { body: { name: 'Ships' } })).id;
}, startTimeoutMs);
afterAll(async () => {
  await flow?.close();
  await parser.close();
}, startTimeoutMs);

async function upload(
  path: string,
  query: Record<string, string>,
): Promise<{ id: string; document_id: string | null }> {
  const form = new FormData();
  form.append('file', new Blob([await readFile(path)]), 'ships.pdf');
  return flow.owner.call(routes.uploadDocument, { params: { brain }, query, body: form }) as never;
}

async function ships(): Promise<string> {
  const pdf = await PDFDocument.create();
  const font = await pdf.embedFont(StandardFonts.Helvetica);
  for (const text of ['A hull is divided by bulkheads.', 'Deck | Lifeboats', 'The keel runs from bow to stern.']) {
    const page = pdf.addPage([595, 842]);
    page.drawText(text, { x: 50, y: 800, size: 12, font });
    const image = await pdf.embedPng(Uint8Array.from(Buffer.from(picture, 'base64')));
    page.drawImage(image, { x: 100, y: 100, width: 200, height: 100 });
  }
  const path = join(flow.folder, 'ships.pdf');
  await writeFile(path, await pdf.save());
  return path;
}

test('a PDF is read by the provider, found by its words, and billed as the provider counts', async () => {
  const accepted = await upload(await ships(), { extract_tables: 'true' });
  const job = await flow.owner.finished(accepted.id);
  expect(job).toMatchObject({ status: 'succeeded', progress: { pages_done: 3, pages_failed: 0 } });
  const document = job.document_id as string;
  const page = await flow.owner.call(routes.getPage, { params: { document, page: 2 } });
  expect(page.metadata.parser).toBe('docling');
  expect(page.tables).toEqual({ status: 'extracted', items: [[['Deck', 'Lifeboats']]] });
  const image = await flow.owner.send(routes.getPageImage, { params: { document, page: 2, image: 0 } });
  expect([image.status, image.headers.get('content-type')]).toEqual([200, 'image/png']);
  expect(Buffer.from(await image.arrayBuffer()).equals(Buffer.from(picture, 'base64'))).toBe(true);

  const { data: hits } = await flow.owner.call(routes.search, { params: { brain }, body: { query: 'keel bow stern' } });
  expect(hits[0]).toMatchObject({ document_id: document, page_number: 3 });

  const usage = await flow.owner.call(routes.getUsage, { query: { by: 'day' } });
  const amounts = Object.fromEntries(usage.data.map(({ kind, amount }) => [kind, amount]));
  expect(amounts).toMatchObject({ parser_calls: parser.calls.length, parser_pages: parser.pages, pages: 3 });
  expect(parser.pages).toBe(3);
  // Nobody said what the provider asks: that is unknown, not nothing.
  expect(job.usage.cost_usd).toBeNull();
  expect(usage.data.find(({ kind }) => kind === 'parser_pages')?.unpriced_entries).toBe(parser.calls.length);
}, 180_000);

test('a tenant whose operator chose the built-in parser costs nothing there', async () => {
  const { id } = await flow.owner.call(routes.getTenant);
  await flow.owner.call(routes.patchTenant, { params: { tenant: id }, body: { parser: 'built-in' } });
  const before = parser.calls.length;
  const other = await flow.owner.call(routes.createBrain, { body: { name: 'Ships again' } });
  const { id: jobId } = await flow.owner.ingest(other.id, await ships());
  const job = await flow.owner.finished(jobId);
  expect(job.status).toBe('succeeded');
  const page = await flow.owner.call(routes.getPage, { params: { document: job.document_id as string, page: 1 } });
  expect(page.metadata.parser).toBe('pdfium');
  expect(page.images[0]?.stored).toMatchObject({ media_type: 'image/png' });
  expect(parser.calls.length).toBe(before);
}, 180_000);
