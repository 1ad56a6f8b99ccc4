/** Every COMMIT of a worker cut in turn, while it reads documents and deletes one: nothing is lost, nothing stands twice. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { DocumentWorker } from '../../../../services/document-worker/app.ts';
import { verify } from '../../../../services/document-worker/verify/verify.ts';
import type { Lease } from '../../../../services/shared/contract/grant.ts';
import { begin, savePages } from '../../../../services/shared/jobs/leased-jobs.ts';
import { saveProbe } from '../../../../services/shared/jobs/save-probe.ts';
import { openDatabase } from '../../../../services/shared/postgres/database.ts';
import { proxyOf, type StoreProxy } from '../../../support/proxy.ts';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench, savedPage } from '../fixture.ts';

let bench: Bench;
let proxy: StoreProxy;
beforeAll(async () => {
  bench = await openBench();
  proxy = await proxyOf(bench.env.DATABASE_URL as string, 'postgres');
});
afterAll(async () => {
  await bench.close();
  await proxy.close();
});

const through = () => proxy.through(bench.env.DATABASE_URL as string);
const findings = () => verify(bench.db, bench.store, bench.vectors);
const commit = /^commit$/i;

test('begin, probe and checkpoint stand once when their COMMIT is not answered, and not at all when it did not arrive', async () => {
  const { jobId } = await bench.submit(await pdfOf(['one', 'two']));
  const { db, close } = openDatabase({ url: through(), connectionsMax: 2, log: bench.services.log });
  const lease: Lease = {
    id: 'lease',
    kind: 'parse',
    jobId,
    tenantId: bench.tenantId,
    epoch: 1,
    fence: 1,
    lost: 0,
    blamed: 0,
    tokens: 0,
    light: true,
    expiresAtMs: 0,
    pages: [1, 2],
  };
  const both = [savedPage(1), savedPage(2)];
  const twice = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    const lost = proxy.cutAnswer(commit, { before: true });
    await expect(act()).rejects.toMatchObject({ name: 'UnavailableError' });
    await lost;
    const cut = proxy.cutAnswer(commit);
    const result = await act();
    await cut;
    return result;
  };
  try {
    expect((await twice(() => begin(db, lease))).decision).toBe('work');
    expect(await twice(() => saveProbe(db, lease, 2, { readingUsd: 0, embeddingUsd: 0 }))).toBe('work');
    expect(await twice(() => savePages(db, lease, both, 'key'))).toEqual({ decision: 'work', finished: true });
    expect(await bench.job(jobId)).toMatchObject({ pages_done: 2, stage: 'indexing' });
    expect(await bench.services.query('select amount::int from ledger where job_id = $1', [jobId])).toEqual([
      { amount: 2 },
    ]);
  } finally {
    await close();
    await bench.services.query('delete from documents where id = (select document_id from jobs where id = $1)', [
      jobId,
    ]);
    await bench.services.query('delete from ledger where job_id = $1', [jobId]);
  }
});

test('a worker whose COMMITs are cut, one after another, reads a document and deletes another', async () => {
  let worker: DocumentWorker | undefined;
  let cutting = true;
  let cuts = 0;
  const cut = async () => {
    // Bounded, should the worker never get on.
    while (cutting && cuts < 40) {
      await proxy.cutAnswer(commit, { before: cuts % 3 === 2 });
      cuts += 1;
    }
  };
  try {
    worker = await bench.startWorker({}, { DATABASE_URL: through() });
    const gone = await bench.submit(await pdfOf(['will be deleted']));
    await bench.until(gone.jobId, ({ status }) => status === 'succeeded', 120_000);
    void cut();
    const kept = await bench.submit(await pdfOf(['the first page', 'the second page', 'the third page']));
    await bench.services.query('update documents set deleted_at = now() where id = $1', [gone.documentId]);
    const deletion = await bench.order('delete_document', gone.documentId);
    await bench.until(kept.jobId, ({ status }) => status === 'succeeded', 120_000);
    await bench.until(deletion, ({ status }) => status === 'succeeded', 120_000);
    cutting = false;
    expect(cuts).toBeGreaterThan(3);
    expect((await bench.pages(kept.documentId)).map(({ page_number }) => page_number)).toEqual([1, 2, 3]);
    const ledger = "select sum(amount)::int as pages from ledger where job_id = $1 and kind = 'pages'";
    expect(await bench.services.query(ledger, [kept.jobId])).toEqual([{ pages: 3 }]);
    expect(await bench.services.query('select from documents where id = $1', [gone.documentId])).toEqual([]);
    expect(await bench.search('deleted', gone.documentId)).toEqual([]);
    expect(await findings()).toEqual([]);
  } finally {
    cutting = false;
    await worker?.close(1000);
  }
});
