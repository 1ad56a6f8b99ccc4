/** A page is served without the others of its checkpoint, and a list of them is bounded in bytes. */
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { transferLimits } from '../../../../services/api/uploads/transfer-limits.ts';
import { failedPage } from '../../../../services/document-worker/parser/reader.ts';
import { packPage } from '../../../../services/document-worker/parser/serve-reads.ts';
import { pageResult } from '../../../../services/shared/contract/page.ts';
import { openDocumentStore } from '../../../../services/shared/storage/document-store.ts';
import { pagesKey } from '../../../../services/shared/storage/object-keys.ts';
import { writePageResults } from '../../../../services/shared/storage/page-results.ts';
import { type Caller, type Harness, startHarness, upload } from '../harness.ts';

let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
});
afterAll(() => harness.close());

/** A full page: 10,000 lines with their boxes and 500,000 characters, about a megabyte. */
const fullPage = (page_number: number) => ({
  ...failedPage(page_number, 'test', null),
  text: `page ${page_number} `.padEnd(500_000, 'text '),
  lines: Array.from({ length: 10_000 }, (_, line) => [line, line + 9, 1.25, line, 100.5, line + 1] as never),
});

/** A document whose pages stand in one checkpoint; answers its ids and where the pages stand. */
async function checkpointed(pages: number) {
  const brain = (await owner('POST', '/v1/brains', { name: 'B' })).body.id;
  const { body, headers } = upload(`a document of ${pages} pages`, 'a.txt');
  const job = (await owner('POST', `/v1/brains/${brain}/documents`, body, headers)).body;
  const key = pagesKey((await owner('GET', '/v1/tenant')).body.id, job.document_id, 1, 1, pages);
  const packed = Array.from({ length: pages }, (_, index) => packPage(fullPage(index + 1)));
  const store = await openDocumentStore(harness.services.documentStoreUrl);
  const offsets = (await writePageResults(store, key, packed)).map(({ offset }) => offset);
  await harness.db
    .insertInto('pages')
    .values(
      packed.map(({ page_number, packed, resultBytes }, index) => ({
        document_id: job.document_id as string,
        page_number,
        epoch: 1,
        object_key: key,
        object_offset: offsets[index] as number,
        object_bytes: packed.length,
        result_bytes: resultBytes,
      })),
    )
    .execute();
  return { store, key, job: job.id as string, document: job.document_id as string, packed, offsets };
}

test('one page is one ranged read: whatever else its checkpoint holds is left alone', async () => {
  const { store, key, document, packed, offsets } = await checkpointed(3);
  const bytes = await store.read(key);
  const [start, end] = [offsets[1] as number, (offsets[1] as number) + (packed[1]?.packed.length as number)];
  await store.put(key, Readable.from([Buffer.alloc(start, 0xff), bytes.subarray(start, end), Buffer.alloc(9, 0xff)]));
  const { status, body, headers } = await owner('GET', `/v1/documents/${document}/pages/2`);
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
  expect(pageResult.parse(body)).toEqual(fullPage(2));
});

test('a list of full pages is cut at some megabytes and goes on at its cursor', async () => {
  const { job } = await checkpointed(12);
  const numbers: number[] = [];
  let answers = 0;
  for (let cursor: string | null = ''; cursor !== null; answers += 1) {
    const { body }: { body: { data: { page_number: number }[]; next_cursor: string | null } } = await owner(
      'GET',
      `/v1/jobs/${job}/pages?limit=200${cursor && `&cursor=${cursor}`}`,
    );
    expect(JSON.stringify(body.data).length).toBeLessThan(9 * 1024 * 1024);
    numbers.push(...body.data.map(({ page_number }) => page_number));
    cursor = body.next_cursor;
  }
  expect(numbers).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  expect(answers).toBe(2);
});

test('lists that nobody takes are few: their caller is refused more, and another one is not', async () => {
  const { job } = await checkpointed(12);
  const keyOf = async (name: string) =>
    (await owner('POST', '/v1/keys', { name, scopes: ['documents:read'] })).body.secret as string;
  const [mine, others] = [await keyOf('mine'), await keyOf('others')];
  await harness.app.http.listen({ host: '127.0.0.1', port: 0 });
  const { port } = harness.app.http.server.address() as AddressInfo;
  /** Takes the head of its answer and nothing more. */
  const stalled = async (key: string) => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.write(`GET /v1/jobs/${job}/pages?limit=200 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\n\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    socket.pause();
    return { socket, status: Number(head.toString('latin1').split(' ')[1]) };
  };
  const asked = await Promise.all(Array.from({ length: 40 }, () => stalled(mine)));
  const another = await stalled(others);
  for (const { socket } of [...asked, another]) socket.destroy();
  const { callerMax } = transferLimits.pageLists;
  const statuses = asked.map(({ status }) => status).sort();
  expect(statuses).toEqual([...Array(callerMax).fill(200), ...Array(40 - callerMax).fill(429)]);
  expect(another.status).toBe(200);
});
