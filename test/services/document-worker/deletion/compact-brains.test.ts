/** Vector tables in turn: rows of documents that are gone, and what one failing brain does to the others. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { compactBrains } from '../../../../services/document-worker/deletion/compact-brains.ts';
import { type Bench, openBench, type Place } from '../fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const context = () => ({ db: bench.db, vectors: bench.vectors, log: bench.services.log });

test('rows of a document that is gone are removed, and counted', async () => {
  const { documentId } = await bench.submit(Buffer.from('x'));
  const chunk = { id: `${documentId}:1:1`, page_number: 1, start: 0, end: 11, text: 'Some words.' };
  const target = { tenantId: bench.tenantId, brainId: bench.brainId, documentId, epoch: 1 };
  await bench.db.updateTable('documents').set({ index_epoch: 1 }).where('id', '=', documentId).execute();
  await bench.vectors.upsert(target, [chunk]);
  expect(await compactBrains(context())).toMatchObject({ brains: 1, documentsSwept: 0, failed: 0 });
  expect(await bench.vectors.documentsOf(target)).toEqual([documentId]);
  // As when a write was frozen past every check while the document was deleted.
  await bench.db.updateTable('documents').set({ deleted_at: new Date() }).where('id', '=', documentId).execute();
  expect(await compactBrains(context())).toEqual({ brains: 1, compacted: 1, documentsSwept: 1, failed: 0 });
  expect(await bench.vectors.documentsOf(target)).toEqual([]);
});

test('a brain that fails keeps no other from its turn; when all fail the task has failed', async () => {
  const places: Place[] = [await bench.newPlace(), await bench.newPlace()];
  const [first] = places as [Place];
  const seen: string[] = [];
  const failing = (fails: (brain: string) => boolean) => ({
    ...context(),
    vectors: {
      compact: async ({ brainId }: Place) => {
        seen.push(brainId);
        if (fails(brainId)) throw new Error('the vectorstore answered 500');
        return { documents_swept: 0, compacted: false };
      },
    },
  });
  expect(await compactBrains(failing((brain) => brain === first.brainId))).toMatchObject({ brains: 3, failed: 1 });
  expect(seen).toEqual([bench.brainId, ...places.map(({ brainId }) => brainId)]);
  await expect(compactBrains(failing(() => true))).rejects.toThrow('the vectorstore answered 500');
});

test('a run ends after its time, and the next goes on behind it', async () => {
  const seen: string[] = [];
  let now = 0;
  const slow = {
    ...context(),
    vectors: {
      compact: async ({ brainId }: Place) => {
        seen.push(brainId);
        now += 90_000;
        return { documents_swept: 0, compacted: true };
      },
    },
  };
  expect(await compactBrains(slow, () => now)).toMatchObject({ brains: 2, compacted: 2 });
  expect(await compactBrains(slow, () => now)).toMatchObject({ brains: 1 });
  expect(new Set(seen).size).toBe(3);
});
