import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7obj } from 'uuidv7';
import { sweep } from '../../../../services/document-worker/deletion/sweep.ts';
import {
  brainPrefix,
  chunksPrefix,
  documentPrefix,
  originalKey,
  pagesKey,
} from '../../../../services/shared/storage/object-keys.ts';
import { type Bench, openBench } from '../fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const put = (key: string) => bench.store.put(key, Readable.from([Buffer.from('x')]));
const context = () => ({ db: bench.db, store: bench.store, log: bench.services.log });
const hoursMs = (hours: number) => hours * 3600 * 1000;
const later = () => Date.now() + hoursMs(25);
const there = (documentId: string) =>
  bench.store.size(originalKey(bench.tenantId, documentId)).then(
    () => true,
    () => false,
  );

test('files that no row names go, with their page results; an upload under way is left alone', async () => {
  const { documentId } = await bench.submit(Buffer.from('has a row'));
  const orphan = uuidv7obj().toString();
  await put(originalKey(bench.tenantId, orphan));
  await put(pagesKey(bench.tenantId, orphan, 1, 1, 50));

  expect(await sweep(context())).toEqual({ foldersRemoved: 0, brainFoldersRemoved: 0, filesMissing: 0 });
  expect(await there(orphan)).toBe(true);
  expect(await sweep(context(), later())).toMatchObject({ foldersRemoved: 1 });
  expect([await there(orphan), await there(documentId)]).toEqual([false, true]);
  expect(await Array.fromAsync(bench.store.list(documentPrefix(bench.tenantId, orphan)))).toEqual([]);
});

test('vector tables of a brain that no row names go; those of a brain that is there stay', async () => {
  const gone = uuidv7obj().toString();
  for (const brain of [gone, bench.brainId]) await put(`${chunksPrefix(bench.tenantId, brain)}data/1.lance`);
  expect(await sweep(context())).toMatchObject({ brainFoldersRemoved: 0 });
  expect(await sweep(context(), later())).toMatchObject({ brainFoldersRemoved: 1 });
  const left = await Promise.all(
    [gone, bench.brainId].map((brain) => Array.fromAsync(bench.store.list(brainPrefix(bench.tenantId, brain)))),
  );
  expect(left.map(({ length }) => length)).toEqual([0, 1]);
});

test('a document whose file is missing says so in its job', async () => {
  const { documentId, jobId } = await bench.submit(Buffer.from('to be lost'));
  await bench.db.updateTable('jobs').set({ status: 'succeeded' }).where('id', '=', jobId).execute();
  await rm(fileURLToPath(`${bench.services.documentStoreUrl}/${originalKey(bench.tenantId, documentId)}`));
  expect(await sweep(context(), later())).toMatchObject({ filesMissing: 1 });
  expect(await bench.job(jobId)).toMatchObject({
    status: 'failed',
    error: { code: 'damaged', detail: 'The file is no longer stored. Upload it again.' },
  });
  // Told once.
  expect(await sweep(context(), later())).toMatchObject({ filesMissing: 0 });
});

test('nothing is touched when store and database do not seem to belong together', async () => {
  const strangers = Array.from({ length: 40 }, () => uuidv7obj().toString());
  for (const id of strangers) await put(originalKey(bench.tenantId, id));
  expect(await sweep(context(), later())).toEqual({ foldersRemoved: 0, brainFoldersRemoved: 0, filesMissing: 0 });
  expect(await there(strangers[0] as string)).toBe(true);
});
