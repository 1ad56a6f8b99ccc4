/** What a document store is: the suite that the folder and S3 both run. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import type { DocumentStore } from '../../../../services/shared/storage/document-store.ts';

/** @param given The store, what lies in it under a prefix, versions included, and a deletion as LanceDB makes it. */
export function documentStoreSuite(
  given: () => {
    store: DocumentStore;
    objects(prefix: string): Promise<string[]>;
    forget(key: string): Promise<void>;
  },
  run = test,
): void {
  const put = (key: string, content: string | Buffer) => given().store.put(key, Readable.from([Buffer.from(content)]));

  run('what is put is there, whole and in part, and can be replaced', async () => {
    const { store } = given();
    await put('a/b/c', '0123456789');
    expect(await text(await store.get('a/b/c'))).toBe('0123456789');
    expect(await text(await store.get('a/b/c', { start: 2, end: 4 }))).toBe('234');
    expect(await store.size('a/b/c')).toBe(10);
    await put('a/b/c', 'new');
    expect(String(await store.read('a/b/c'))).toBe('new');
  });

  run('a stream of unknown length, empty or of several parts, arrives byte for byte', async () => {
    const { store } = given();
    // Over two of S3's smallest parts.
    const pieces = Array.from({ length: 12 }, () => randomBytes(1024 * 1024));
    await store.put('large', Readable.from(pieces));
    expect((await buffer(await store.get('large'))).equals(Buffer.concat(pieces))).toBe(true);
    await store.put('empty', Readable.from([]));
    expect(await store.size('empty')).toBe(0);
  });

  run('a stream that breaks leaves nothing', async () => {
    const { store, objects } = given();
    const broken = Readable.from(
      (async function* () {
        for (let part = 0; part < 6; part += 1) yield randomBytes(1024 * 1024);
        throw new Error('the sender is gone');
      })(),
    );
    await expect(store.put('broken/object', broken)).rejects.toThrow('the sender is gone');
    expect(await objects('broken/')).toEqual([]);
  });

  run('folders are named in order, from any of them on', async () => {
    const { store } = given();
    await Promise.all(['f/b/x', 'f/a/x/y', 'f/ab/x', 'f/c', 'f/d/x'].map((key) => put(key, 'x')));
    const names = async (after?: string) => Array.fromAsync(store.folders('f/', after));
    expect(await names()).toEqual(['a', 'ab', 'b', 'd']);
    expect(await names('a')).toEqual(['ab', 'b', 'd']);
    expect(await Array.fromAsync(store.folders('none/'))).toEqual([]);
  });

  run('what is absent says so', async () => {
    const { store } = given();
    const absent = "'no/such' is not in the object store";
    await expect(store.read('no/such')).rejects.toThrow(absent);
    await expect(store.get('no/such')).rejects.toThrow(absent);
    await expect(store.size('no/such')).rejects.toThrow(absent);
  });

  run('a prefix goes as a whole, its neighbours stay; none is fine', async () => {
    const { store, objects } = given();
    await Promise.all(['p/1/x', 'p/1/y/z', 'p/12/x'].map((key) => put(key, 'x')));
    await put('p/1/x', 'a second version');
    await store.deletePrefix('p/1/');
    await store.deletePrefix('absent/');
    await expect(store.read('p/1/y/z')).rejects.toThrow("'p/1/y/z' is not in the object store");
    expect(await objects('p/1/')).toEqual([]);
    expect(await store.size('p/12/x')).toBe(1);
  });

  run('what was replaced or deleted under a prefix is purged; what is current stays', async () => {
    const { store, objects } = given();
    for (const key of ['v/1/kept', 'v/1/gone', 'v/12/x']) await put(key, 'first');
    for (const key of ['v/1/kept', 'v/12/x']) await put(key, 'second');
    await given().forget('v/1/gone');
    const others = await objects('v/12/');
    await store.purgePrefix('v/1/');
    await store.purgePrefix('v/1/');
    expect(await objects('v/1/')).toEqual([expect.stringMatching(/kept$/)]);
    expect(String(await store.read('v/1/kept'))).toBe('second');
    expect(await objects('v/12/')).toEqual(others);
  });

  run('what lies under a prefix is listed with its size, whatever its depth, and nothing else', async () => {
    const { store } = given();
    await Promise.all(['l/1/x', 'l/1/y/z', 'l/12/x'].map((key) => put(key, key)));
    const started = Date.now();
    const listed = await Array.fromAsync(store.list('l/1/'));
    expect(listed.map(({ key }) => key).sort()).toEqual(['l/1/x', 'l/1/y/z']);
    expect(listed.map(({ sizeBytes }) => sizeBytes).sort()).toEqual([5, 7]);
    for (const { modifiedAt } of listed) expect(Math.abs(modifiedAt.getTime() - started)).toBeLessThan(3_600_000);
    expect(await Array.fromAsync(store.list('absent/'))).toEqual([]);
  });

  run('more than one answer of the store holds is listed once each', async () => {
    const { store } = given();
    const keys = Array.from({ length: 1100 }, (_, index) => `many/${index}`);
    for (let at = 0; at < keys.length; at += 100)
      await Promise.all(keys.slice(at, at + 100).map((key) => put(key, '')));
    const listed = await Array.fromAsync(store.list('many/'));
    expect(new Set(listed.map(({ key }) => key))).toEqual(new Set(keys));
    expect(listed).toHaveLength(keys.length);
  });
}
