import { mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type LocalFile, LocalFiles } from '../../../../services/document-worker/parse/local-files.ts';
import { type DocumentStore, openDocumentStore } from '../../../../services/shared/storage/document-store.ts';

let folder: string;
let store: DocumentStore;
let files: LocalFiles;
const never = new AbortController().signal;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-files-'));
  store = await openDocumentStore(pathToFileURL(join(folder, 'store')).href);
  files = await LocalFiles.open(store, { base: join(folder, 'scratch'), bytesMax: 100 });
});
afterEach(async () => {
  await files.close();
  await rm(folder, { recursive: true });
});

async function stored(documentId: string, sizeBytes: number) {
  await store.put(documentId, Readable.from([Buffer.alloc(sizeBytes, documentId)]));
  return { documentId, objectKey: documentId, sizeBytes };
}

async function bytesOnDisk(): Promise<number> {
  const sizes = (await readdir(files.folder)).map(async (name) => (await stat(join(files.folder, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

const settled = async (promise: Promise<unknown>) => {
  const waiting = Symbol('waiting');
  await new Promise((resolve) => setTimeout(resolve, 20));
  return (await Promise.race([promise, waiting])) !== waiting;
};

test('a document is fetched once, whoever reads it', async () => {
  const source = await stored('a', 40);
  const both = await Promise.all([files.acquire(source, never), files.acquire(source, never)]);
  expect(both[0].path).toBe(both[1].path);
  expect(await readFile(both[0].path, 'utf8')).toBe('a'.repeat(40));
  await store.deletePrefix('a');
  await both[0].release();
  expect((await files.acquire(source, never)).path).toBe(both[0].path);
});

test('what nobody reads goes when its room is needed, also from the disk of who still has it open', async () => {
  const [first, second] = [await stored('a', 60), await stored('b', 60)];
  const { path, release } = await files.acquire(first, never);
  const child = await open(path);
  try {
    await release();
    await files.acquire(second, never);
    expect((await child.stat()).size).toBe(0);
    expect(await bytesOnDisk()).toBe(60);
  } finally {
    await child.close();
  }
});

test('a document that comes back has a name of its own: who has the old file open must open the new one', async () => {
  const [first, second] = [await stored('a', 60), await stored('b', 60)];
  const before = await files.acquire(first, never);
  await before.release();
  await (await files.acquire(second, never)).release();
  const after = await files.acquire(first, never);
  expect(after.path).not.toBe(before.path);
  expect(await readFile(after.path, 'utf8')).toBe('a'.repeat(60));
});

test('what does not fit waits for its turn; a small one does not pass a large one', async () => {
  const [first, large, small] = [await stored('a', 60), await stored('b', 80), await stored('c', 10)];
  const { release } = await files.acquire(first, never);
  const waiting = [files.acquire(large, never), files.acquire(small, never)] as const;
  expect([await settled(waiting[0]), await settled(waiting[1])]).toEqual([false, false]);
  await release();
  const [got] = await Promise.all(waiting);
  expect(await readFile(got.path, 'utf8')).toBe('b'.repeat(80));
});

test('who stops waiting leaves its turn to the next', async () => {
  const [first, large, small] = [await stored('a', 60), await stored('b', 80), await stored('c', 10)];
  await files.acquire(first, never);
  const stop = new AbortController();
  const waiting = files.acquire(large, stop.signal);
  const next = files.acquire(small, never);
  stop.abort(new Error('the lease is lost'));
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'the lease is lost' } });
  expect(await readFile((await next).path, 'utf8')).toBe('c'.repeat(10));
});

test('a document that will never fit says so instead of waiting', async () => {
  await expect(files.acquire(await stored('a', 101), never)).rejects.toMatchObject({
    code: 'too-large',
    message: 'The document has 101 bytes, workers here take 100. Raise uploadBytesMax and try again, or split it.',
  });
});

test('a document that is not there takes no room', async () => {
  const missing = { documentId: 'x', objectKey: 'x', sizeBytes: 90 };
  await expect(files.acquire(missing, never)).rejects.toThrow();
  await files.acquire(await stored('a', 60), never);
});

test('the disk never holds more than it may, and everybody gets a turn', async () => {
  const sizes = [5, 20, 35, 50, 65, 80, 95];
  const sources = await Promise.all(sizes.map((size) => stored(`d${size}`, size)));
  const reads = fc.array(fc.record({ which: fc.nat(sizes.length - 1), ms: fc.nat(3) }), {
    minLength: 5,
    maxLength: 25,
  });
  await fc.assert(
    fc.asyncProperty(reads, async (plan) => {
      let most = 0;
      const read = async ({ which, ms }: { which: number; ms: number }) => {
        const file: LocalFile = await files.acquire(sources[which] as (typeof sources)[number], never);
        most = Math.max(most, await bytesOnDisk().catch(() => 0));
        await new Promise((resolve) => setTimeout(resolve, ms));
        expect((await stat(file.path)).size).toBe(sizes[which]);
        await file.release();
      };
      await Promise.all(plan.map(read));
      expect(most).toBeLessThanOrEqual(100);
    }),
    { numRuns: 25 },
  );
});
