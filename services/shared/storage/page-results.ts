/**
 * Page results in the object store: one object per checkpoint (object-keys.ts), in it a gzip member of JSON per page, one
 * after the other, and after the last the bytes of their pictures. A row of `pages` says where its own stands, so one page is read without the others.
 */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';
import type { PageResult } from '../contract/page.ts';
import type { DocumentStore } from './document-store.ts';

/** A page as the parser hands it over: packed there, so that nothing here grows with what is on it. */
export interface PackedPage {
  readonly page_number: number;
  readonly error: PageResult['error'];
  /** Something is drawn on it, but it holds no text. */
  readonly withoutText: boolean;
  /** A gzip member: the result as JSON. */
  readonly packed: Uint8Array;
  /** Of the JSON. */
  readonly resultBytes: number;
  /** Bytes of its pictures, one after the other. @default none */
  readonly images?: Uint8Array;
}

/** Where a page's result stands, as its row says. Without an offset its object is one gzipped array of all its pages. */
export interface PagePlace {
  readonly page_number: number;
  readonly object_key: string;
  readonly object_offset: number | null;
  readonly object_bytes: number | null;
}

/** A page's JSON: the parser makes one above 2 MiB an error, so what unpacks to more than this is not ours. */
const pageBytesMax = 4 * 1024 * 1024;
/** Packed: unpacking it takes less than handing it to a thread does. A page of prose has 2 KiB. */
const unpackedAtOnceMax = 16 * 1024;
const unpack = promisify(gunzip);
/** An object from before pages had places: 50 pages of at most 500,000 characters. */
const wholeBytesMax = 512 * 1024 * 1024;

/** Where in the object a page's result begins, and the first of its pictures; null: none are kept. */
export interface WrittenPage {
  readonly offset: number;
  readonly imagesOffset: number | null;
}

/** Answers where each page stands. */
export async function writePageResults(
  store: DocumentStore,
  key: string,
  pages: readonly Pick<PackedPage, 'packed' | 'images'>[],
): Promise<WrittenPage[]> {
  let end = 0;
  const place = (bytes: Uint8Array) => {
    const offset = end;
    end += bytes.length;
    return offset;
  };
  const offsets = pages.map(({ packed }) => place(packed));
  const imagesOffsets = pages.map(({ images }) => (images?.length ? place(images) : null));
  const parts = [
    ...pages.map(({ packed }) => packed),
    ...pages.flatMap(({ images }) => (images?.length ? [images] : [])),
  ];
  await store.put(key, Readable.from(parts));
  return offsets.map((offset, index) => ({ offset, imagesOffset: imagesOffsets[index] ?? null }));
}

/** Results in the order of `places`, one in memory at a time beside the packed ones of its object. */
export async function* readPageResults(store: DocumentStore, places: readonly PagePlace[]): AsyncGenerator<PageResult> {
  for await (const { json } of readPageJsons(store, places)) yield JSON.parse(json.toString('utf8')) as PageResult;
}

/**
 * In the order of `places`; pages that their object does not hold are left out.
 *
 * @throws NotInStoreError
 */
export async function* readPageJsons(
  store: DocumentStore,
  places: readonly PagePlace[],
): AsyncGenerator<{ pageNumber: number; json: Buffer }> {
  for (let first = 0; first < places.length; ) {
    const { object_key: key, object_offset: offset } = places[first] as PagePlace;
    let last = first;
    while (places[last + 1]?.object_key === key) last += 1;
    const run = places.slice(first, last + 1);
    yield* offset === null ? readWhole(store, key, run) : readRun(store, key, run);
    first = last + 1;
  }
}

/** Places of one object, fetched together: the first to the last of them. */
async function* readRun(store: DocumentStore, key: string, run: readonly PagePlace[]) {
  const spans = run.map(({ object_offset, object_bytes }) => {
    const start = object_offset as number;
    return { start, end: start + (object_bytes as number) };
  });
  const start = Math.min(...spans.map((span) => span.start));
  const end = Math.max(...spans.map((span) => span.end));
  const bytes = await buffer(await store.get(key, { start, end: end - 1 }));
  for (const [index, span] of spans.entries()) {
    const packed = bytes.subarray(span.start - start, span.end - start);
    const limits = { maxOutputLength: pageBytesMax };
    const json = packed.length <= unpackedAtOnceMax ? gunzipSync(packed, limits) : await unpack(packed, limits);
    yield { pageNumber: (run[index] as PagePlace).page_number, json };
  }
}

async function* readWhole(store: DocumentStore, key: string, run: readonly PagePlace[]) {
  const unpacked = await unpack(await store.read(key), { maxOutputLength: wholeBytesMax });
  const pages = JSON.parse(unpacked.toString('utf8')) as PageResult[];
  for (const { page_number: pageNumber } of run) {
    const page = pages.find((one) => one.page_number === pageNumber);
    if (page) yield { pageNumber, json: Buffer.from(JSON.stringify(page)) };
  }
}
