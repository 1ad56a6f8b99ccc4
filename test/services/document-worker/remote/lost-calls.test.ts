/** Calls to a provider whose answer nobody hears: it bills them, so they are in the ledger, also when their document goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { beginCall } from '../../../../services/document-worker/parse/parser-calls.ts';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench } from '../fixture.ts';
import { openRemote, type Remote } from './remote.ts';

const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;
const priced = { PARSER_USD_PER_THOUSAND_PAGES: '10' };
const threePages = () => pdfOf(['page one', 'page two', 'page three']);

let bench: Bench;
let remote: Remote;
beforeAll(async () => {
  bench = await openBench();
});
afterEach(() => remote.close());
afterAll(() => bench.close());

async function called({ parser }: Remote) {
  for (let waited = 0; parser.calls.length === 0 && waited < 600; waited += 1) await sleep(100);
  expect(parser.calls).toHaveLength(1);
}
const entriesOf = (jobId: string) =>
  bench.db
    .selectFrom('ledger')
    .select(['kind', 'amount', 'cost_usd'])
    .where('job_id', '=', jobId)
    .where('model', '=', 'docling')
    .orderBy('kind')
    .execute();
const ofThreePages = [
  { kind: 'parser_calls', amount: 1, cost_usd: 0 },
  { kind: 'parser_pages', amount: 3, cost_usd: 0.03 },
];

test('a document that is deleted while the provider reads it: the call is in the ledger, once', async () => {
  remote = await openRemote(bench, 'docling', {}, priced);
  remote.parser.next('hang');
  const { jobId, documentId } = await remote.submit(await threePages());
  await called(remote);
  const deletion = await bench.order('delete_document', documentId);
  expect(await bench.until(deletion, ended)).toMatchObject({ status: 'succeeded' });
  expect(await entriesOf(jobId)).toEqual(ofThreePages);
  // Its answer comes after all.
  remote.parser.letGo();
  await remote.close();
  expect(await entriesOf(jobId)).toEqual(ofThreePages);
}, 180_000);

test.each(['delete_document', 'delete_brain'] as const)(
  'the worker of a call died, and then there is a %s',
  async (kind) => {
    remote = await openRemote(bench, 'docling', {}, priced, { worker: false });
    const { jobId, documentId } = await remote.submit(await threePages());
    const { tenantId, brainId } = bench;
    const work = { jobId, tenantId, brainId, attempt: 1, keyId: null, usdPerPage: 0.01 };
    await beginCall(bench.db, work, { parser: 'docling', pages: [1, 2, 3], repeated: false });
    await bench.services.query(`update jobs set status = 'canceled' where id = $1`, [jobId]);
    const deletion = await bench.order(kind, kind === 'delete_document' ? documentId : null);
    await remote.startWorker();
    expect(await bench.until(deletion, ended)).toMatchObject({ status: 'succeeded' });
    expect(await entriesOf(jobId)).toEqual(ofThreePages);
  },
  180_000,
);

test('a worker that stops while the provider reads says so itself', async () => {
  const place = await bench.newPlace();
  remote = await openRemote(bench, 'docling', {}, priced, { worker: false });
  const worker = await remote.startWorker();
  remote.parser.next('hang');
  const { jobId } = await remote.submit(await threePages(), place);
  await called(remote);
  await worker.close(100);
  expect((await remote.calls(jobId)).map(({ outcome }) => outcome)).toEqual(['lost']);
  expect(await entriesOf(jobId)).toEqual(ofThreePages);
}, 180_000);
