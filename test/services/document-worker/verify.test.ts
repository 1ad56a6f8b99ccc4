/** The conservation check on a whole service's stores: quiet when all is well, and each kind of damage is named. */
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import fc from 'fast-check';
import { uuidv7 } from 'uuidv7';
import type { DocumentWorker } from '../../../services/document-worker/app.ts';
import { chunkPage } from '../../../services/document-worker/index/chunk-page.ts';
import { comparePage } from '../../../services/document-worker/verify/check-vectors.ts';
import type { Finding } from '../../../services/document-worker/verify/finding.ts';
import { report, verify } from '../../../services/document-worker/verify/verify.ts';
import { openDatabase } from '../../../services/shared/postgres/database.ts';
import { pdfOf } from './documents.ts';
import { type Bench, openBench } from './fixture.ts';

const program = fileURLToPath(new URL('../../../services/document-worker/main.ts', import.meta.url));

let bench: Bench;
let worker: DocumentWorker;
let documentId: string;
let jobId: string;
beforeAll(async () => {
  bench = await openBench();
  worker = await bench.startWorker();
  ({ documentId, jobId } = await bench.submit(await pdfOf(['the first page', 'the second page'])));
  await bench.until(jobId, ({ status }) => status === 'succeeded');
});
afterAll(async () => {
  await worker?.close(1000);
  await bench.close();
});

const findings = () => verify(bench.db, bench.store, bench.vectors);
/** What is found while the damage is done; afterwards nothing again. */
async function foundAfter(damage: string, repair: string): Promise<string[]> {
  await bench.services.query(damage);
  const found = (await findings()).map(({ kind, says }) => `${kind}: ${says}`);
  await bench.services.query(repair);
  expect(await findings()).toEqual([]);
  return found;
}

test('a document that was read adds up', async () => {
  expect(await findings()).toEqual([]);
  expect(report([])).toBe('Nothing is missing, nothing is left over, nothing stands twice.\n');
});

test.each(['document-worker', 'owner'])('the command runs as the role of %s, and could not write', async (role) => {
  const { services, env } = bench;
  const url = role === 'owner' ? services.databaseUrl : services.databaseUrlOf('document-worker');
  const run = async () => {
    const { stdout, exitCode } = await execa(process.execPath, [program, 'verify', '--json'], {
      env: { ...env, DATABASE_URL: url },
      reject: false,
    });
    return { findings: JSON.parse(stdout) as Finding[], exitCode };
  };
  expect(await run()).toEqual({ findings: [], exitCode: 0 });
  await services.query(`update jobs set pages_done = 3 where id = '${jobId}'`);
  expect(await run()).toMatchObject({ findings: [{ subject: jobId }, { subject: jobId }], exitCode: 1 });
  await services.query(`update jobs set pages_done = 2 where id = '${jobId}'`);
  const { db, close } = openDatabase({ url, connectionsMax: 1, log: services.log, readOnly: true });
  try {
    const write = db.updateTable('jobs').set({ pages_done: 0 }).where('id', '=', jobId).execute();
    await expect(write).rejects.toThrow('in a read-only transaction');
  } finally {
    await close();
  }
});

test('pages that are counted, charged or recorded wrongly are named', async () => {
  expect(
    await foundAfter(
      `update jobs set pages_done = 3 where id = '${jobId}'`,
      `update jobs set pages_done = 2 where id = '${jobId}'`,
    ),
  ).toEqual([
    'contradiction: the pages that a job counts are not the pages that are recorded',
    'missing: pages were read that the ledger does not know',
  ]);
  expect(
    await foundAfter(
      `update ledger set amount = amount + 1 where job_id = '${jobId}' and kind = 'pages'`,
      `update ledger set amount = amount - 1 where job_id = '${jobId}' and kind = 'pages'`,
    ),
  ).toEqual(['twice: the ledger charges more pages than were read']);
});

test('a deleted document that nobody removes is left over', async () => {
  const found = await foundAfter(
    `update documents set deleted_at = now() where id = '${documentId}'`,
    `update documents set deleted_at = null where id = '${documentId}'`,
  );
  expect(found).toContain('left over: a document is deleted, and no job is under way that removes the rest of it');
  expect(found).toContain('left over: the text of a deleted document is still in the vectors');
});

test('a file or page result that is gone is missing; an object that belongs to nothing is left over', async () => {
  const { jobId: lostJob, documentId: lost } = await bench.submit(await pdfOf(['soon gone']));
  await bench.until(lostJob, ({ status }) => status === 'succeeded');
  await bench.store.deletePrefix(`tenants/${bench.tenantId}/documents/${lost}/`);
  const orphan = `tenants/${bench.tenantId}/documents/${uuidv7()}/original`;
  await bench.store.put(orphan, Readable.from([Buffer.from('x')]));
  const later = Date.now() + 2 * 60 * 60_000;
  const { checkObjects } = await import('../../../services/document-worker/verify/check-objects.ts');
  const found = await checkObjects(bench.db, bench.store, later);
  expect(found.map(({ kind, says, subject }) => [kind, says, subject])).toEqual([
    ['missing', 'the file of a document is not in the object store', lost],
    ['missing', 'page results are not in the object store', lost],
    ['left over', 'an object belongs to no document', orphan],
  ]);
  // An upload under way has an object before it has a row.
  expect((await checkObjects(bench.db, bench.store)).map(({ subject }) => subject)).toEqual([lost, lost]);
  await bench.services.query(`delete from documents where id = '${lost}'`);
  await bench.vectors.deleteBrain({ tenantId: bench.tenantId, brainId: bench.brainId });
  await bench.store.deletePrefix(orphan.replace(/original$/, ''));
});

test('text that search does not find is missing', async () => {
  const found = await findings();
  expect(found).toContainEqual({
    kind: 'missing',
    says: 'text of a page is in no chunk',
    subject: documentId,
    detail: 'page 1, characters 0 to 14',
  } satisfies Finding);
  expect(report(found)).toContain(`missing: text of a page is in no chunk: ${documentId} (page 1, characters 0 to 14)`);
});

test('whatever a page says, its own chunks cover it once; one that lacks, repeats or lies is named', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 3000 }), fc.nat(), (text, which) => {
      const page = { page_number: 1, text };
      const chunks = chunkPage(text).map(({ start, end, text: quoted }) => ({
        id: `d:1:${start}`,
        page_number: 1,
        start,
        end,
        text: quoted,
      }));
      expect(comparePage('d', page, chunks)).toEqual([]);
      const one = chunks[which % Math.max(1, chunks.length)];
      if (!one) return;
      const kinds = (given: typeof chunks) => comparePage('d', page, given).map(({ kind }) => kind);
      expect(kinds(chunks.filter((chunk) => chunk !== one))).toEqual(['missing']);
      expect(kinds([...chunks, one])).toEqual(['twice']);
      expect(kinds(chunks.map((chunk) => (chunk === one ? { ...one, text: `${one.text}!` } : chunk)))).toEqual([
        'contradiction',
      ]);
    }),
  );
});
