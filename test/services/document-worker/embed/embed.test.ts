/** Text first, vectors after: on a real worker, PostgreSQL, Redis and vectorstore, and a stub that embeds. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { DocumentWorker } from '../../../../services/document-worker/app.ts';
import { type StubEmbedding, startStubEmbedding, stubTokens } from '../../../support/embedding/stub-embedding.ts';
import { watchFirstTake } from '../first-take.ts';
import { type Bench, openBench } from '../fixture.ts';
import {
  dimensions,
  documentOf,
  embeddingEnv,
  expectNothingWrong,
  isWhole,
  longText,
  vectorCounts,
} from './vectors.ts';

const model = 'stub';
let bench: Bench;
let stub: StubEmbedding;
const workers: DocumentWorker[] = [];
const start = async (env: Record<string, string> = embeddingEnv(stub, model)) => {
  const worker = await bench.startWorker({}, env);
  workers.push(worker);
  return worker;
};
beforeAll(async () => {
  bench = await openBench();
});
beforeEach(async () => {
  stub = await startStubEmbedding(dimensions);
  await bench.db.updateTable('brains').set({ embedding_model: model, embedding_dimensions: dimensions }).execute();
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close(0)));
  await stub.close();
});
afterAll(() => bench.close());

const succeeded = ({ status }: { status: string }) => status === 'succeeded';

test('a document is found by its words before it has a vector; vectors follow, are counted, and say so', async () => {
  stub.letThrough(0);
  await start({ ...embeddingEnv(stub, model), EMBEDDING_PASSAGE_PREFIX: 'passage:' });
  const { jobId, documentId } = await bench.submit(longText('Frigate', 200), 'text/plain');
  await bench.until(jobId, succeeded);
  expect((await bench.search('frigate dock', documentId)).length).toBeGreaterThan(0);
  await stub.until(() => stub.asked.length > 0);
  expect(stub.answered).toEqual([]);
  expect(await documentOf(bench, documentId)).toMatchObject({ vectors_pending: true, vectors_model: null });
  // Vectors that are still to come are no damage.
  await expectNothingWrong(bench);
  stub.letThrough(Number.POSITIVE_INFINITY);
  await stub.until(() => isWhole(bench, documentId));
  expect(stub.answered.flat().filter((text) => !text.startsWith('passage: '))).toEqual([]);
  const { chunks, withVector } = await vectorCounts(bench, documentId, model);
  expect({ chunks, withVector }).toEqual({ chunks, withVector: chunks });
  const used = await bench.db
    .selectFrom('ledger')
    .select(({ fn }) => fn.sum<number>('amount').as('tokens'))
    .where('job_id', '=', jobId)
    .where('kind', '=', 'embedding_tokens')
    .executeTakeFirstOrThrow();
  expect(Number(used.tokens)).toBe(stubTokens(stub.answered.flat()));
  const events = await bench.db
    .selectFrom('events')
    .select('event')
    .where('resource_id', '=', documentId)
    .orderBy('id')
    .execute();
  expect(events.at(-1)).toEqual({ event: 'document' });
  await expectNothingWrong(bench);
}, 180_000);

test('every request of every worker passes the meter of the account, and turns are short while it is slow', async () => {
  const atMs: number[] = [];
  const env = { ...embeddingEnv(stub, model), EMBEDDING_REQUESTS_PER_MINUTE: '300' };
  await start(env);
  await start(env);
  const redis = new Redis(bench.services.redisUrl);
  const firstTake = watchFirstTake(redis, 'embedding');
  const timer = setInterval(() => {
    while (atMs.length < stub.asked.length) atMs.push(Date.now());
  }, 5);
  const { jobId, documentId } = await bench.submit(longText('Frigate', 400), 'text/plain');
  await bench.until(jobId, succeeded);
  await stub.until(() => isWhole(bench, documentId)).finally(() => clearInterval(timer));
  expect(atMs.length).toBeGreaterThan(8);
  // 201 ms apart; two that meet make up for at most 100.
  const seconds = ((atMs.at(-1) ?? 0) - (await firstTake())) / 1000;
  redis.disconnect();
  expect((atMs.length - 1) / seconds).toBeLessThan(5.3);
}, 180_000);

test('huge documents of a tenant, as many as there are slots, stand in nobody else’s way', async () => {
  const others = [await bench.newPlace(), await bench.newPlace()];
  await bench.db.updateTable('brains').set({ embedding_model: model, embedding_dimensions: dimensions }).execute();
  stub.letThrough(0);
  await start();
  const huge = await bench.submit(longText('Whale', 4000), 'text/plain');
  const other = await bench.submit(longText('Whale', 4000), 'text/plain');
  for (const { jobId } of [huge, other]) await bench.until(jobId, succeeded);
  const small: { documentId: string }[] = [];
  for (const [at, place] of others.entries()) {
    const submitted = await bench.submit(longText(`Shrimp${at}`, 30), 'text/plain', place);
    await bench.until(submitted.jobId, succeeded);
    small.push(submitted);
  }
  stub.letThrough(Number.POSITIVE_INFINITY);
  await stub.until(async () =>
    (await Promise.all(small.map(({ documentId }) => isWhole(bench, documentId)))).every(Boolean),
  );
  const whales = stub.answered.flat().filter((text) => text.includes('Whale')).length;
  // Both turns that they had at first, and as many again while the others had theirs: a turn is some 900 sentences.
  expect(whales).toBeLessThan(4 * 64 * 18);
  expect(await isWhole(bench, huge.documentId)).toBe(false);
  for (const { documentId } of [huge, other]) await stub.until(() => isWhole(bench, documentId));
}, 240_000);

test('an embedding that is away, or full, is waited for; the document stays found by its words', async () => {
  stub.refuse(429);
  await start();
  const { jobId, documentId } = await bench.submit(longText('Barge', 100), 'text/plain');
  await bench.until(jobId, succeeded);
  await stub.until(() => stub.asked.length >= 4);
  expect((await bench.search('barge dock', documentId)).length).toBeGreaterThan(0);
  expect(await documentOf(bench, documentId)).toMatchObject({ vectors_pending: true });
  stub.refuse(null);
  await stub.until(() => isWhole(bench, documentId));
  await expectNothingWrong(bench);
}, 180_000);

test('a text that the embedding refuses is found by its words, and keeps no other waiting', async () => {
  await start();
  // An endpoint that refuses all is one that does not work: nothing is given up for it.
  stub.refuse(400);
  const text = `${longText('Ferry', 20)}\n\n${'Xyzzy '.repeat(80)}\n\n${longText('Sloop', 20)}`;
  const { jobId, documentId } = await bench.submit(Buffer.from(text), 'text/plain');
  await bench.until(jobId, succeeded);
  const before = stub.asked.length;
  await stub.until(() => stub.asked.length >= before + 4);
  expect(await documentOf(bench, documentId)).toMatchObject({ vectors_pending: true });
  stub.refuseTexts('Xyzzy');
  stub.refuse(null);
  await stub.until(() => isWhole(bench, documentId));
  expect(stub.answered.flat().filter((one) => one.includes('Sloop')).length).toBeGreaterThan(0);
  expect((await bench.search('xyzzy', documentId)).length).toBeGreaterThan(0);
  await expectNothingWrong(bench);
}, 180_000);

test('vectors of a text that was read again meanwhile are refused, and those of the new one made', async () => {
  stub.letThrough(0);
  await start();
  const { jobId, documentId } = await bench.submit(longText('Ketch', 100), 'text/plain');
  await bench.until(jobId, succeeded);
  await stub.until(() => stub.asked.length > 0);
  const before = await documentOf(bench, documentId);
  // As a retry of its pages does.
  await bench.services.query(
    `update jobs set status = 'running', stage = 'indexing', attempt = 2, finished_at = null where id = $1`,
    [jobId],
  );
  await bench.notify(jobId);
  await bench.until(jobId, succeeded);
  const again = await documentOf(bench, documentId);
  expect(again.index_epoch).toBeGreaterThan(before.index_epoch);
  const inFlight = stub.asked.length;
  stub.letThrough(Number.POSITIVE_INFINITY);
  await stub.until(() => isWhole(bench, documentId));
  // What was under way is asked for again: its answer was of no use.
  const firstTexts = stub.answered[0]?.join();
  expect(stub.answered.filter((texts) => texts.join() === firstTexts).length).toBe(2);
  expect(inFlight).toBeGreaterThan(0);
  const sums = await bench.db
    .selectFrom('ledger')
    .select(({ fn }) => ['kind', fn.sum<number>('amount').as('sum')])
    .where('job_id', '=', jobId)
    .where('kind', 'in', ['embedding_tokens', 'wasted_tokens'])
    .groupBy('kind')
    .orderBy('kind')
    .execute();
  const wasted = Number(sums[1]?.sum);
  expect(Number(sums[0]?.sum)).toBe(stubTokens(stub.answered.flat()));
  expect(wasted).toBeGreaterThan(0);
  expect(wasted).toBeLessThan(Number(sums[0]?.sum));
  await expectNothingWrong(bench);
}, 180_000);

test('a deletion waits for no embedding', async () => {
  stub.letThrough(0);
  await start();
  const { jobId, documentId } = await bench.submit(longText('Dhow', 100), 'text/plain');
  await bench.until(jobId, succeeded);
  await stub.until(() => stub.asked.length > 0);
  await bench.services.query('update documents set deleted_at = now() where id = $1', [documentId]);
  const deletion = await bench.order('delete_document', documentId);
  // Sooner than a deletion gives up waiting for a lock, which is 30 s.
  await bench.until(deletion, succeeded, 25_000);
  expect(stub.answered).toEqual([]);
  stub.letThrough(Number.POSITIVE_INFINITY);
  await stub.until(() => stub.answered.length > 0);
  await expectNothingWrong(bench);
}, 180_000);

test('without an embedding nothing is pending; a worker that has one makes up for it', async () => {
  const worker = await start({ ...embeddingEnv(stub, model), EMBEDDING_URL: '' });
  const { jobId, documentId } = await bench.submit(longText('Sloop', 50), 'text/plain');
  await bench.until(jobId, succeeded);
  expect(await documentOf(bench, documentId)).toMatchObject({ vectors_pending: false, vectors_model: null });
  await expectNothingWrong(bench);
  const { body } = await worker.app.http.inject('/readyz');
  expect(JSON.parse(body)).toMatchObject({ search: 'by words only: no embedding is configured' });
  await start();
  await stub.until(() => isWhole(bench, documentId));
  await expectNothingWrong(bench);
}, 180_000);
