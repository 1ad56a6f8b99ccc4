import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ParserPool, parserMemoryMiB } from '../../../../services/document-worker/parser/parser-pool.ts';
import type { DocumentFile } from '../../../../services/document-worker/parser/protocol.ts';
import type { PageResult } from '../../../../services/shared/contract/page.ts';
import { createLogger } from '../../../../services/shared/log.ts';
import { lacksQpdf, picturePdf } from '../../../flows/documents.ts';
import { testWith } from '../../../support/skip.ts';
import { brokenKoreanPdf, encrypt, pdfOf } from '../documents.ts';

const log = createLogger('test', { level: 'silent' });
let folder: string;
let pool: ParserPool;
let hostile: ParserPool;
let impatient: ParserPool;
const childModule = join(import.meta.dirname, 'hostile-child.ts');
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-pool-'));
  pool = await ParserPool.start({ log, children: 2, pageTimeoutMs: 20_000, folder });
  impatient = await ParserPool.start({ log, children: 2, pageTimeoutMs: 1000, folder, childModule });
  hostile = await ParserPool.start({
    log,
    children: 2,
    // A page that crashes must not count as one that hangs because a fresh child was slow to start.
    pageTimeoutMs: 15_000,
    folder,
    memoryMaxMiB: 300,
    childModule,
  });
});
afterAll(async () => {
  await pool.close();
  await hostile.close();
  await impatient.close();
  await rm(folder, { recursive: true });
});

let files = 0;
async function file(bytes: Uint8Array | string, mediaType: 'application/pdf' | 'text/plain' = 'application/pdf') {
  files += 1;
  const path = join(folder, `document${files}`);
  await writeFile(path, bytes);
  return { path, mediaType };
}
/** All of the pages, in as many requests as it takes. */
async function read(from: ParserPool, file: DocumentFile, pages: readonly number[], signal?: AbortSignal) {
  const results: PageResult[] = [];
  while (results.length < pages.length)
    for (const { packed } of await from.read(file, pages.slice(results.length), { signal }))
      results.push(JSON.parse(gunzipSync(packed).toString()) as PageResult);
  return results;
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('a page has its text, a box per line from the top left, and its size', async () => {
  const [page] = await read(pool, await file(await pdfOf(['Hello bulkhead'])), [1]);
  expect(page).toMatchObject({
    page_number: 1,
    text: 'Hello bulkhead',
    images: [],
    tables: { status: 'off', items: [] },
    metadata: { parser: 'pdfium', width: 595, height: 842, rotation: 0, scanned: false },
    error: null,
  });
  const [start, end, x0, y0, x1, y1] = page?.lines[0] ?? [];
  expect([start, end]).toEqual([0, 14]);
  expect(x0).toBeCloseTo(51, 0);
  expect(y0).toBeGreaterThan(30);
  expect(y1).toBeLessThan(48);
  expect(x1).toBeGreaterThan(110);
});

test.each([90, 180, 270])('on a page turned by %i degrees the boxes are where the text is seen', async (rotation) => {
  const [page] = await read(pool, await file(await pdfOf(['Turned text'], { rotation })), [1]);
  const [width, height] = rotation === 180 ? [595, 842] : [842, 595];
  expect(page?.metadata).toMatchObject({ width, height, rotation });
  const box = page?.lines[0]?.slice(2) as [number, number, number, number];
  // The text stands 50 to 112 from the left and about 42 below the top of the unturned page.
  const near = { 90: [796, 51, 809, 112], 180: [483, 796, 544, 809], 270: [33, 483, 46, 544] }[rotation] as number[];
  for (const [index, value] of box.entries()) expect(Math.abs(value - (near[index] as number))).toBeLessThan(5);
});

test('offsets of lines are exact over a real manual', async () => {
  const manual = await file(await readFile('/usr/share/R/doc/manual/R-intro.pdf'));
  const pageCount = await pool.probe(manual);
  expect(pageCount).toBeGreaterThan(90);
  for (const { text, lines, metadata } of await read(pool, manual, upTo(40))) {
    expect(text).toBe(text.toWellFormed());
    for (const [start, end, x0, y0, x1, y1] of lines) {
      expect(text.slice(start, end)).not.toContain('\n');
      expect(text.slice(start, end).trim()).not.toBe('');
      expect(x0 <= x1 && y0 <= y1).toBe(true);
      expect(x1 <= (metadata.width ?? 0) + 1 && y1 <= (metadata.height ?? 0) + 1).toBe(true);
    }
  }
});

test('Korean is read, and a page that is missing from the file fails alone', async () => {
  const korean = '한국어 문서를 읽습니다';
  const pages = await read(pool, await file(brokenKoreanPdf(korean)), [1, 2, 3]);
  expect(pages.map(({ text }) => text)).toEqual([korean, '', korean]);
  expect(pages.map(({ error }) => error?.code ?? null)).toEqual([null, 'corrupt', null]);
  expect(pages[1]?.error?.message).toBe('Page 2 cannot be read: its part of the file is damaged or missing.');
});

test('a scanned page says so, with its picture', async () => {
  const [page] = await read(pool, await file(await picturePdf(1)), [1]);
  expect(page?.metadata.scanned).toBe(true);
  expect(page?.images).toEqual([{ box: [10, 30, 110, 80], width_px: 1, height_px: 1 }]);
});

test('garbage, an empty file and half a file are damaged', async () => {
  const whole = Buffer.from(await pdfOf(upTo(30).map((page) => `Page ${page}`)));
  for (const bytes of ['%PDF-1.7 garbage', '', whole.subarray(0, 200)])
    await expect(pool.probe(await file(bytes))).rejects.toMatchObject({
      code: 'damaged',
      message: 'The file is not a readable PDF: it is damaged or was cut off.',
    });
});

testWith(lacksQpdf)('a locked document is refused as such', async () => {
  const path = await encrypt(join(folder, 'locked.pdf'), await pdfOf(['secret']));
  await expect(pool.probe({ path, mediaType: 'application/pdf' })).rejects.toMatchObject({
    code: 'encrypted',
    message: 'The PDF is locked with a password. Save it without one and upload that.',
  });
});

test('pages that hang, crash or fill the memory fail alone; the rest is read by another child', async () => {
  const orders = ['one', 'hang', 'three', 'crash', 'five', 'fill', 'exit', 'objects', 'nine'];
  const before = hostile.counts.lost;
  const pages = await read(hostile, await file(orders.join('\n'), 'text/plain'), upTo(9));
  expect(pages.map(({ page_number }) => page_number)).toEqual(upTo(9));
  expect(pages.map(({ text, error }) => error?.code ?? text)).toEqual([
    'one',
    'timeout',
    'three',
    'crash',
    'five',
    'too-large',
    'crash',
    'too-large',
    'nine',
  ]);
  expect(pages[1]?.error?.message).toBe('Reading took longer than 15 s.');
  expect(hostile.counts.lost - before).toBe(5);
});

test('a child that ends after it gave the last page fails none', async () => {
  const before = hostile.counts.lost;
  for (const orders of [['exit-after'], ['one', 'exit-after']]) {
    const pages = await hostile.read(await file(orders.join('\n'), 'text/plain'), upTo(orders.length));
    expect(pages.map(({ page_number, error }) => [page_number, error])).toEqual(
      orders.map((_, index) => [index + 1, null]),
    );
  }
  expect(hostile.counts.lost - before).toBe(2);
});

test('a page that nobody asked for is not taken, nor one twice', async () => {
  const pages = await hostile.read(await file('twice\nunasked\nthree', 'text/plain'), [1, 2]);
  expect(pages.map(({ page_number }) => page_number)).toEqual([1, 2]);
});

test('the kernel gives a child no more than its limit, also where nobody has looked yet', async () => {
  const [page] = await read(hostile, await file('reserve-512-MiB', 'text/plain'), [1]);
  expect(page?.text).toBe('refused: WebAssembly.Memory(): could not allocate memory');
});

test.each([
  ['of half a container, each child its part', 1536, 2, 384],
  ['enough for a manual in the smallest container', 448, 1, 256],
  ['no more than a page is worth in a large one', 8192, 2, 512],
  ['the same without a limit', 0, 2, 512],
])('a child has %s', (_what, containerMiB, children, memoryMiB) =>
  expect(parserMemoryMiB(containerMiB * 2 ** 20, children)).toBe(memoryMiB),
);

test('a document that hangs when it is opened fails its pages, after two children', async () => {
  const hanging = await file('hang-on-open', 'text/plain');
  await expect(impatient.probe(hanging)).rejects.toMatchObject({ code: 'timeout' });
  expect((await read(impatient, hanging, [1, 2])).map(({ error }) => error?.code)).toEqual(['timeout', 'timeout']);
});

test('a child sees no environment, no files but documents, no processes, no threads, no network', async () => {
  const orders = ['environment', 'read-secret', 'write', 'spawn', 'thread', 'connect'];
  const pages = await read(hostile, await file(orders.join('\n'), 'text/plain'), upTo(orders.length));
  expect(pages.map(({ text }) => text).slice(0, 5)).toEqual([
    '',
    'refused: ERR_ACCESS_DENIED',
    'refused: ERR_ACCESS_DENIED',
    'refused: ERR_ACCESS_DENIED',
    'refused: ERR_ACCESS_DENIED',
  ]);
  // Without a namespace or a filter a child is not kept from the network, and says so.
  expect(['refused: ENETUNREACH', 'refused: EACCES'].includes(pages[5]?.text ?? '')).toBe(
    hostile.isolation.network === 'none',
  );
});

test('what is aborted stops at once, and its child with it', async () => {
  const abort = new AbortController();
  const reading = read(hostile, await file('hang', 'text/plain'), [1], abort.signal);
  setTimeout(() => abort.abort(), 200);
  await expect(reading).rejects.toThrow();
});

test('what is aborted while its child starts asks nothing of it, and leaves it to the next', async () => {
  const two = await ParserPool.start({ log, children: 2, pageTimeoutMs: 15_000, folder, childModule });
  const [first, second] = [new AbortController(), new AbortController()];
  // The warm one is busy.
  const hanging = two.read(await file('hang', 'text/plain'), [1], { signal: first.signal });
  const starting = two.read(await file('hang', 'text/plain'), [1], { signal: second.signal });
  setImmediate(() => second.abort(new Error('not wanted any more')));
  await expect(starting).rejects.toThrow('not wanted any more');
  expect([two.counts.lost, two.pids.length]).toEqual([0, 2]);
  first.abort();
  await expect(hanging).rejects.toThrow();
  await two.close();
});
