import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type DocumentStore, openDocumentStore } from '../../../../services/shared/storage/document-store.ts';
import { documentStoreSuite } from './document-store-suite.ts';

let folder: string;
let store: DocumentStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-store-'));
  store = await openDocumentStore(pathToFileURL(folder).href);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

documentStoreSuite(() => ({
  store,
  objects: (prefix) => readdir(join(folder, prefix)).catch(() => []),
  forget: (key) => rm(join(folder, key)),
}));

test('a key never leads out of the store', async () => {
  const put = (key: string) => store.put(key, Readable.from([Buffer.from('x')]));
  await expect(put('../outside')).rejects.toThrow("the key '../outside' leaves the store");
  await expect(store.read('a/../../outside')).rejects.toThrow('leaves the store');
});

test('another kind of address is refused with what is allowed', async () => {
  await expect(openDocumentStore('ftp://x/y')).rejects.toThrow('allowed are file:///folder and s3://bucket/prefix');
});
