/** An operator changes a tenant's parser while documents wait: what is dearer now is asked for and held anew. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { confirmJob } from '../../../../services/shared/jobs/job-requests.ts';
import type { JobRow } from '../../../../services/shared/jobs/job-store.ts';
import { usedOf } from '../../../../services/shared/ledger/quota.ts';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench } from '../fixture.ts';
import { openRemote, type Remote } from './remote.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

let remote: Remote;
afterEach(() => remote.close());

const awaits = ({ status }: { status: string }) => status === 'awaiting_confirmation';
const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;

/** Probed while the parser of this service read for its tenant, for nothing. */
async function waiting() {
  remote = await openRemote(bench, 'docling', {}, { PARSER_USD_PER_THOUSAND_PAGES: '1000' }, { worker: false });
  const { jobId, documentId } = await remote.submit(await pdfOf(['one', 'two', 'three']));
  await bench.db
    .updateTable('jobs')
    .set({ pages_total: 3, price_usd: 0, embedding_usd: 0, embedding_usd_left: 0 })
    .where('id', '=', jobId)
    .execute();
  return { jobId, documentId };
}
const limit = (set: { confirm_usd_above?: number | null; usd_per_day_max?: number | null }) =>
  bench.db.updateTable('tenants').set(set).execute();
const usdUsed = () => usedOf(bench.db, bench.tenantId, 'usd_per_day_max');

test('it waits for a person, who is told the price; confirmed it is read by the provider, and asked for once', async () => {
  await limit({ confirm_usd_above: 0 });
  const { jobId } = await waiting();
  await remote.startWorker();
  const told = await bench.until(jobId, (job) => awaits(job) || ended(job));
  expect(told).toMatchObject({ status: 'awaiting_confirmation', stage: null, price_usd: 3 });
  expect([remote.parser.calls, await usdUsed()]).toEqual([[], 3]);
  await bench.db.transaction().execute((trx) => confirmJob(trx, told as JobRow));
  await bench.notify(jobId);
  const read = await bench.until(jobId, (job) => awaits(job) || ended(job));
  expect(read).toMatchObject({ status: 'succeeded', pages_done: 3, price_usd: 3 });
  expect([remote.parser.pages, await usdUsed()]).toEqual([3, 3]);
});

test('it waits for another day when this one has too few dollars left', async () => {
  await limit({ confirm_usd_above: null, usd_per_day_max: 5 });
  const { jobId } = await waiting();
  await remote.startWorker();
  const paused = await bench.until(jobId, (job) => job.status === 'paused' || ended(job));
  expect(paused).toMatchObject({ status: 'paused', error: { code: 'quota' } });
  expect(remote.parser.calls).toEqual([]);
  await limit({ usd_per_day_max: 6 });
  await bench.db.updateTable('jobs').set({ paused_until: new Date() }).where('id', '=', jobId).execute();
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', price_usd: 3 });
});
