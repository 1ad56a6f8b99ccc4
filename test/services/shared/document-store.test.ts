import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type DocumentStore, openDocumentStore } from '../../../services/shared/document-store.ts';

let folder: string;
let store: DocumentStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-store-'));
  store = await openDocumentStore(pathToFileURL(folder).href);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const put = (key: string, content: string) => store.put(key, Readable.from([Buffer.from(content)]));

test('what is put is there, whole and in part, and can be replaced', async () => {
  await put('a/b/c', '0123456789');
  expect(await text(await store.get('a/b/c'))).toBe('0123456789');
  expect(await text(await store.get('a/b/c', { start: 2, end: 4 }))).toBe('234');
  expect(await store.size('a/b/c')).toBe(10);
  await put('a/b/c', 'new');
  expect(String(await store.read('a/b/c'))).toBe('new');
});

test('a stream that breaks leaves nothing', async () => {
  const broken = Readable.from(
    (async function* () {
      yield Buffer.from('half');
      throw new Error('the sender is gone');
    })(),
  );
  await expect(store.put('broken/object', broken)).rejects.toThrow('the sender is gone');
  expect(await readdir(join(folder, 'broken'))).toEqual([]);
});

test('a prefix goes as a whole, its neighbours stay; none is fine', async () => {
  await Promise.all(['p/1/x', 'p/1/y/z', 'p/12/x'].map((key) => put(key, 'x')));
  await store.deletePrefix('p/1/');
  await store.deletePrefix('absent/');
  await expect(store.read('p/1/y/z')).rejects.toThrow("'p/1/y/z' is not in the object store");
  expect(await store.size('p/12/x')).toBe(1);
});

test('a key never leads out of the store', async () => {
  await expect(put('../outside', 'x')).rejects.toThrow("the key '../outside' leaves the store");
  await expect(store.read('a/../../outside')).rejects.toThrow('leaves the store');
});

test('another kind of address is refused with what is allowed', async () => {
  await expect(openDocumentStore('ftp://x/y')).rejects.toThrow('allowed are file:///folder and s3://bucket/prefix');
});
