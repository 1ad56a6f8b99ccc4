/** Dollars of a day and vectors: held from the probe of a document until its vectors stand, and before a request is sent again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
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
const main = fileURLToPath(new URL('../../../../services/document-worker/main.ts', import.meta.url));
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
  worker = undefined;
  await stub.close();
  await allow(null, null);
});
afterAll(() => bench.close());

const price = { EMBEDDING_USD_PER_MILLION_TOKENS: String(usd * 1e6) };
const start = async () => {
  worker = await bench.startWorker({}, { ...embeddingEnv(stub, model), ...price });
};
const allow = (usd_per_day_max: number | null, tokens_per_day_max: number | null) =>
  bench.db.updateTable('tenants').set({ usd_per_day_max, tokens_per_day_max }).execute();
const used = (quota: 'usd_per_day_max' | 'tokens_per_day_max') => usedOf(bench.db, bench.tenantId, quota);
const paidUsd = async (which: 'all' | 'repeated' = 'all') =>
  Number(
    (
      await bench.db
        .selectFrom('ledger')
        .select(({ fn }) => fn.sum<number>('cost_usd').as('usd'))
        .$if(which === 'repeated', (entries) => entries.where('repeated', '=', true))
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

/** Bills what a worker expects of a request whose answer it never hears. */
async function billByText() {
  await stub.close();
  stub = await startStubEmbedding(dimensions, (texts) => texts.reduce((sum, text) => sum + estimateTokens(text), 0));
}
const paused = async (documentId: string) => (await documentOf(bench, documentId)).vectors_paused_until !== null;
/** As on another day. */
async function goOn(jobId: string, documentId: string) {
  await bench.db.updateTable('documents').set({ vectors_paused_until: null }).where('id', '=', documentId).execute();
  await bench.notify(jobId);
}

test.each(['tokens', 'dollars'])(
  'a request whose answer was lost is sent again only while the day holds what it bills once more: %s',
  async (what) => {
    await billByText();
    await start();
    stub.behave(() => 'break');
    const text = longText('Ketch', 20);
    // For two of its four tries.
    const tokens = Math.ceil(2.3 * estimateTokens(text.toString()) * estimateMargin);
    await allow(what === 'dollars' ? tokens * usd : null, what === 'tokens' ? tokens : null);
    const { jobId, documentId } = await bench.submit(text, 'text/plain');
    await bench.until(jobId, ({ status }) => status === 'succeeded');
    await stub.until(() => paused(documentId));
    expect(stub.asked.length).toBe(2);
    expect(await used('tokens_per_day_max')).toBeLessThanOrEqual(tokens);
    expect(await used('usd_per_day_max')).toBeLessThanOrEqual(tokens * usd);
    stub.behave(null);
    await allow(null, null);
    await goOn(jobId, documentId);
    await stub.until(() => isWhole(bench, documentId));
    // Three times, of which two were for nothing; and nothing more is held.
    expect(await paidUsd()).toBeCloseTo(stub.billedTokens * usd, 6);
    expect(await paidUsd('repeated')).toBeCloseTo((2 / 3) * stub.billedTokens * usd, 6);
    expect(await used('usd_per_day_max')).toBeCloseTo(stub.billedTokens * usd, 4);
  },
  120_000,
);

test('killed between an answer that was lost and the next: both bills count, and a worker after it goes no further than the day', async () => {
  await billByText();
  await allow(1e6, null);
  stub.behave(() => 'break');
  stub.letThrough(1);
  const { jobId, documentId } = await bench.submit(longText('Dhow', 20), 'text/plain');
  const env = { ...bench.env, ...embeddingEnv(stub, model), ...price };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  try {
    await stub.until(() => stub.asked.length === 2);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const billUsd = stub.billedTokens * usd;
  expect(await paidUsd()).toBeCloseTo(billUsd, 6);
  const brim = await used('usd_per_day_max');
  expect(brim).toBeGreaterThan(2 * billUsd);
  await allow(brim, null);
  await start();
  await stub.until(() => paused(documentId));
  expect(stub.asked.length).toBe(2);
  // Its time is up: there is room for one bill again.
  await bench.db
    .updateTable('reservations')
    .set({ expires_at: new Date(0) })
    .execute();
  stub.behave(null);
  stub.letThrough(Number.POSITIVE_INFINITY);
  await goOn(jobId, documentId);
  await stub.until(() => isWhole(bench, documentId));
  expect(stub.billedTokens * usd).toBeCloseTo(3 * billUsd, 6);
  expect(await paidUsd()).toBeCloseTo(3 * billUsd, 6);
  expect(await paidUsd('repeated')).toBeCloseTo(2 * billUsd, 6);
  expect(await used('usd_per_day_max')).toBeCloseTo(3 * billUsd, 4);
}, 120_000);
