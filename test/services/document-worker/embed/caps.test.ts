/** Dollars of a day and vectors: held from the probe of a document until its vectors stand, and before a request is sent again. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { DocumentWorker } from '../../../../services/document-worker/app.ts';
import { usedOf } from '../../../../services/shared/ledger/quota.ts';
import { estimateMargin, estimateTokens } from '../../../../services/shared/models/tokens.ts';
import { type StubEmbedding, startStubEmbedding } from '../../../support/embedding/stub-embedding.ts';
import { type Bench, openBench } from '../fixture.ts';
import { dimensions, documentOf, embeddingEnv, isWhole, longText } from './vectors.ts';

const model = 'stub';
/** Dollars for each token. */
const usd = 0.01;
let bench: Bench;
let stub: StubEmbedding;
let worker: DocumentWorker | undefined;
beforeAll(async () => {
  bench = await openBench();
});
beforeEach(async () => {
  stub = await startStubEmbedding(dimensions);
  await bench.db.updateTable('brains').set({ embedding_model: model, embedding_dimensions: dimensions }).execute();
  await bench.services.query('truncate ledger, reservations');
});
afterEach(async () => {
  await worker?.close(0);
  await stub.close();
  await allow(null, null);
});
afterAll(() => bench.close());

const start = async () => {
  const price = { EMBEDDING_USD_PER_MILLION_TOKENS: String(usd * 1e6) };
  worker = await bench.startWorker({}, { ...embeddingEnv(stub, model), ...price });
};
const allow = (usd_per_day_max: number | null, tokens_per_day_max: number | null) =>
  bench.db.updateTable('tenants').set({ usd_per_day_max, tokens_per_day_max }).execute();
const used = (quota: 'usd_per_day_max' | 'tokens_per_day_max') => usedOf(bench.db, bench.tenantId, quota);
const paidUsd = async () =>
  Number(
    (
      await bench.db
        .selectFrom('ledger')
        .select(({ fn }) => fn.sum<number>('cost_usd').as('usd'))
        .executeTakeFirstOrThrow()
    ).usd ?? 0,
  );

test('what the vectors of a document cost is held from its probe until they are made, and then is what they did cost', async () => {
  stub.letThrough(0);
  await start();
  const text = longText('Frigate', 100);
  // As a probe says it: four bytes of a text are a token, about.
  const priceUsd = Math.ceil(text.length / 4) * usd;
  await allow(1.6 * priceUsd, null);
  const first = await bench.submit(text, 'text/plain');
  await bench.until(first.jobId, ({ status }) => status === 'succeeded');
  expect(await documentOf(bench, first.documentId)).toMatchObject({ vectors_pending: true });
  await stub.until(() => stub.asked.length > 0);
  // Its one call may count more than the estimate of the probe, which is held beside what is held.
  const held = await used('usd_per_day_max');
  expect(held).toBeGreaterThan(priceUsd - 1e-4);
  expect(held).toBeLessThan(1.6 * priceUsd);
  const second = await bench.submit(text, 'text/plain');
  await bench.until(second.jobId, ({ status }) => status === 'paused');
  // Its own calls are paid from what is held for it, not beside that.
  stub.letThrough(Number.POSITIVE_INFINITY);
  await stub.until(() => isWhole(bench, first.documentId));
  const paid = await paidUsd();
  expect(paid).toBeCloseTo(stub.billedTokens * usd, 6);
  expect(paid).toBeLessThan(priceUsd);
  expect(await used('usd_per_day_max')).toBeCloseTo(paid, 4);
}, 120_000);

test('a document that is deleted holds nothing for its vectors', async () => {
  stub.letThrough(0);
  await start();
  await allow(1e6, null);
  const text = longText('Barge', 50);
  const priceUsd = Math.ceil(text.length / 4) * usd;
  const { jobId, documentId } = await bench.submit(text, 'text/plain');
  await bench.until(jobId, ({ status }) => status === 'succeeded');
  await stub.until(() => stub.asked.length > 0);
  const before = await used('usd_per_day_max');
  await bench.db.updateTable('documents').set({ deleted_at: new Date() }).where('id', '=', documentId).execute();
  expect(before - (await used('usd_per_day_max'))).toBeCloseTo(priceUsd, 4);
}, 120_000);

test('a request whose answer was lost is sent again only while the day holds what it bills once more', async () => {
  await start();
  stub.behave(() => 'break');
  const text = longText('Ketch', 20);
  // For two of its four tries.
  const limit = Math.ceil(2.8 * estimateTokens(text.toString()) * estimateMargin);
  await allow(null, limit);
  const { jobId, documentId } = await bench.submit(text, 'text/plain');
  await bench.until(jobId, ({ status }) => status === 'succeeded');
  await stub.until(async () => (await documentOf(bench, documentId)).vectors_paused_until !== null);
  expect(stub.asked.length).toBe(2);
  expect(await used('tokens_per_day_max')).toBeLessThanOrEqual(limit);
}, 120_000);
