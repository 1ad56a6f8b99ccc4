/** Page results in the object store: one gzipped JSON object per grant, see object-keys.ts. */
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { PageResult } from './contract/page.ts';
import type { DocumentStore } from './document-store.ts';

/** A grant has 50 pages of at most 500,000 characters; what unpacks to more is not ours. */
const unpackedBytesMax = 512 * 1024 * 1024;

export async function writePageResults(store: DocumentStore, key: string, pages: readonly PageResult[]): Promise<void> {
  const packed = await promisify(gzip)(JSON.stringify(pages));
  await store.put(key, Readable.from([packed]));
}

/** @throws NotInStoreError */
export async function readPageResults(store: DocumentStore, key: string): Promise<PageResult[]> {
  const unpacked = await promisify(gunzip)(await store.read(key), { maxOutputLength: unpackedBytesMax });
  return JSON.parse(unpacked.toString('utf8')) as PageResult[];
}
