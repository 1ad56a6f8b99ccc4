/** Which parser a tenant has, what may be asked of it at an upload, and the pictures that it found. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { failedPage } from '../../../services/document-worker/parser/reader.ts';
import { packPage } from '../../../services/document-worker/parser/serve-reads.ts';
import { openDocumentStore } from '../../../services/shared/storage/document-store.ts';
import { pagesKey } from '../../../services/shared/storage/object-keys.ts';
import { writePageResults } from '../../../services/shared/storage/page-results.ts';
import { type Caller, type Harness, startHarness, upload } from './harness.ts';

let harness: Harness;
let owner: Caller;
let tenant: string;
let brain: string;
beforeAll(async () => {
  harness = await startHarness({ PARSER_BACKEND: 'docling' });
  owner = await harness.owner();
  tenant = (await owner('GET', '/v1/tenant')).body.id;
  brain = (await owner('POST', '/v1/brains', { name: 'B' })).body.id;
});
afterAll(() => harness.close());

const choose = (parser: string | null) => owner('PATCH', `/v1/tenants/${tenant}`, { parser });
const send = (text: string, query = '') => {
  const { body, headers } = upload(text, 'a.txt');
  return owner('POST', `/v1/brains/${brain}/documents${query}`, body, headers);
};

test('the operator chooses a tenant’s parser, of those that the environment offers', async () => {
  expect((await owner('GET', '/v1/tenant')).body.parser).toBeNull();
  expect((await choose('built-in')).body.parser).toBe('built-in');
  expect((await choose('docling')).body.parser).toBe('docling');
  const other = await choose('unstructured');
  expect([other.status, other.body.detail]).toEqual([
    400,
    "The parser is 'unstructured', this installation has 'built-in' and 'docling'. Another is set with PARSER_BACKEND (docs/parsers.md).",
  ]);
  expect((await choose('reducto')).status).toBe(400);
  expect((await choose(null)).body.parser).toBeNull();
});

test('tables may be asked for where the parser finds them; elsewhere nothing is uploaded', async () => {
  expect((await send('tables wanted', '?extract_tables=true&extract_images=false')).status).toBe(202);
  const [wanted] = await harness.db.selectFrom('documents').selectAll().execute();
  expect(wanted).toMatchObject({ extract_tables: true, extract_images: false });
  expect((await send('nothing said')).status).toBe(202);
  const rows = await harness.db.selectFrom('documents').selectAll().orderBy('id').execute();
  expect(rows[1]).toMatchObject({ extract_tables: false, extract_images: true });

  await choose('built-in');
  const refused = await send('none here', '?extract_tables=true');
  expect([refused.status, refused.body.code, refused.body.detail]).toEqual([
    422,
    'unsupported',
    "extract_tables is true, but the parser here is 'built-in', which finds no tables. Upload without it, or have a parser set up that does (docs/parsers.md).",
  ]);
  expect((await send('none here', '?extract_tables=maybe')).status).toBe(400);
  expect(await harness.db.selectFrom('documents').selectAll().execute()).toHaveLength(2);
  await choose(null);
});

test('a picture is served as a file that no page shows, and only to its tenant', async () => {
  const job = (await send('with pictures')).body;
  const key = pagesKey(tenant, job.document_id, 7, 1, 2);
  const pictures = [Buffer.alloc(100, 1), Buffer.alloc(200, 2)] as const;
  const image = (offset: number, bytes: number) => ({
    box: [0, 0, 10, 10] as [number, number, number, number],
    width_px: 2,
    height_px: 2,
    stored: { media_type: 'image/png' as const, offset, bytes },
  });
  const { stored: _stored, ...bare } = image(0, 1);
  const pages = [
    packPage(failedPage(1, 'test', null)),
    {
      ...packPage({ ...failedPage(2, 'test', null), images: [image(0, 100), bare, image(100, 200)] }),
      images: Buffer.concat(pictures),
    },
  ];
  const store = await openDocumentStore(harness.services.documentStoreUrl);
  const written = await writePageResults(store, key, pages);
  expect(written.map(({ imagesOffset }) => imagesOffset !== null)).toEqual([false, true]);
  for (const [index, { page_number, packed, resultBytes }] of pages.entries())
    await harness.db
      .insertInto('pages')
      .values({
        document_id: job.document_id,
        page_number,
        epoch: 7,
        object_key: key,
        object_offset: written[index]?.offset as number,
        object_bytes: packed.length,
        images_offset: written[index]?.imagesOffset ?? null,
        result_bytes: resultBytes,
      })
      .execute();
  const at = (page: number, picture: number) => `/v1/documents/${job.document_id}/pages/${page}/images/${picture}`;
  const first = await owner('GET', at(2, 0));
  expect(first.status).toBe(200);
  expect(first.headers).toMatchObject({
    'content-type': 'image/png',
    'content-length': '100',
    'x-content-type-options': 'nosniff',
    'content-disposition': 'attachment',
  });
  expect(Buffer.compare(first.body, pictures[0])).toBe(0);
  expect(Buffer.compare((await owner('GET', at(2, 2))).body, pictures[1])).toBe(0);
  const etag = String(first.headers.etag);
  expect((await owner('GET', at(2, 0), undefined, { 'if-none-match': etag })).status).toBe(304);
  const head = await owner('HEAD', at(2, 2));
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '200', 0]);
  for (const [page, picture] of [
    [2, 1],
    [2, 3],
    [1, 0],
    [3, 0],
  ] as const)
    expect((await owner('GET', at(page, picture))).status).toBe(404);
  expect((await (await harness.otherTenant())('GET', at(2, 0))).status).toBe(404);
  // The page itself is read as before.
  expect((await owner('GET', `/v1/documents/${job.document_id}/pages/2`)).body.images[1]).toEqual(bare);
});
