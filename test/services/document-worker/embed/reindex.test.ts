/** Another model: the vectors of before serve until those of the new one are whole, whatever happens in between. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { DocumentWorker } from '../../../../services/document-worker/app.ts';
import { usedOf } from '../../../../services/shared/ledger/quota.ts';
import { type StubEmbedding, startStubEmbedding } from '../../../support/embedding/stub-embedding.ts';
import { type Bench, openBench, type Place } from '../fixture.ts';
import {
  brainOf,
  dimensions,
  documentOf,
  embeddingEnv,
  expectNothingWrong,
  isWhole,
  longText,
  similarities,
  vectorCounts,
} from './vectors.ts';

const main = fileURLToPath(new URL('../../../../services/document-worker/main.ts', import.meta.url));

let bench: Bench;
let before: StubEmbedding;
let next: StubEmbedding;
const workers: DocumentWorker[] = [];
const processes = new Set<ChildProcess>();
const start = async (stub: StubEmbedding, model: string) => {
  const worker = await bench.startWorker({}, embeddingEnv(stub, model));
  workers.push(worker);
  return worker;
};
beforeAll(async () => {
  bench = await openBench();
});
beforeEach(async () => {
  [before, next] = [await startStubEmbedding(dimensions), await startStubEmbedding(dimensions)];
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close(0)));
  for (const child of processes) child.kill('SIGKILL');
  processes.clear();
  await Promise.all([before.close(), next.close()]);
});
afterAll(() => bench.close());

const succeeded = ({ status }: { status: string }) => status === 'succeeded';
const reindexOf = ({ brainId }: Place) =>
  bench.db
    .selectFrom('jobs')
    .selectAll()
    .where('kind', '=', 'reindex')
    .where('brain_id', '=', brainId)
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow();
const served = async (place: Place) => (await brainOf(bench, place)).embedding_model;
/** A brain of `model` with one document that has all its vectors, and no worker. */
async function embedded(model: string, text: Buffer): Promise<string> {
  await bench.db
    .updateTable('brains')
    .set({ embedding_model: model, embedding_dimensions: dimensions })
    .where('id', '=', bench.brainId)
    .execute();
  const worker = await start(before, model);
  const { jobId, documentId } = await bench.submit(text, 'text/plain');
  await bench.until(jobId, succeeded);
  await before.until(() => isWhole(bench, documentId, model));
  await worker.close(5000);
  workers.length = 0;
  return documentId;
}

test('the model before serves until every document has vectors of the next, then that one does', async () => {
  const documentId = await embedded('before', longText('Frigate', 400));
  next.letThrough(1);
  await start(next, 'next');
  await next.until(() => next.asked.length > 1);
  expect(await brainOf(bench, bench)).toMatchObject({
    embedding_model: 'before',
    next_embedding_model: 'next',
    next_embedding_dimensions: dimensions,
  });
  expect(await reindexOf(bench)).toMatchObject({ status: 'running', stage: 'indexing', document_id: null });
  expect((await similarities(bench, 'Frigate number 7', 'before')).every((value) => value !== null)).toBe(true);
  // One that is added meanwhile is found by its words, and gets the next one's vectors alone.
  const added = await bench.submit(longText('Corvette', 30), 'text/plain');
  await bench.until(added.jobId, succeeded);
  expect((await bench.search('corvette', added.documentId)).length).toBeGreaterThan(0);
  next.letThrough(Number.POSITIVE_INFINITY);
  await next.until(async () => (await served(bench)) === 'next');
  expect(await brainOf(bench, bench)).toMatchObject({ next_embedding_model: null, next_embedding_dimensions: null });
  expect(await reindexOf(bench)).toMatchObject({ status: 'succeeded' });
  for (const id of [documentId, added.documentId]) {
    const { chunks, withVector } = await vectorCounts(bench, id, 'next');
    expect({ chunks, withVector }).toEqual({ chunks, withVector: chunks });
  }
  expect((await similarities(bench, 'Frigate number 7', 'next')).every((value) => value !== null)).toBe(true);
  const { reindex, ingest } = await tokensByKind();
  expect([reindex, ingest].every((tokens) => tokens > 0)).toBe(true);
  await expectNothingWrong(bench);
}, 240_000);

async function tokensByKind() {
  const rows = await bench.db
    .selectFrom('ledger')
    .innerJoin('jobs', 'jobs.id', 'ledger.job_id')
    .select(({ fn }) => ['jobs.kind', fn.sum<number>('ledger.amount').as('tokens')])
    .where('ledger.kind', '=', 'embedding_tokens')
    .groupBy('jobs.kind')
    .execute();
  const of = (kind: string) => Number(rows.find((row) => row.kind === kind)?.tokens ?? 0);
  return { reindex: of('reindex'), ingest: of('ingest') };
}

test('a worker that is killed in the middle: another goes on, nothing stored is embedded again, a limit of the day holds', async () => {
  const documentId = await embedded('killed-before', longText('Barque', 3000));
  const limit = (tokens_per_day_max: number | null) =>
    bench.db.updateTable('tenants').set({ tokens_per_day_max }).where('id', '=', bench.tenantId).execute();
  const used = () => usedOf(bench.db, bench.tenantId, 'tokens_per_day_max');
  const held = () => bench.db.selectFrom('reservations').select(['id', 'tokens']).execute();
  await limit(1e9);
  // Two batches, and a part of the third.
  next.letThrough(60);
  const env = { ...bench.env, ...embeddingEnv(next, 'killed-next') };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  processes.add(child);
  await next.until(() => next.answered.length === 60 && next.asked.length > 60);
  const target = { tenantId: bench.tenantId, brainId: bench.brainId, documentId };
  const chunks = await bench.vectors.chunksOf(target, 1, 5000, { model: 'killed-next', dimensions });
  const stored = chunks.filter(({ has_vector }) => has_vector).map(({ text }) => text.replace(/\s+/g, ' '));
  expect(stored.length).toBeGreaterThan(0);
  expect(stored.length).toBeLessThan(chunks.length);
  child.kill('SIGKILL');
  await once(child, 'exit');
  processes.delete(child);
  expect(await served(bench)).toBe('killed-before');
  // As if it had been killed between the vectors and their checkpoint.
  await bench.db.updateTable('documents').set({ vectors_page: 0 }).where('id', '=', documentId).execute();
  next.letThrough(Number.POSITIVE_INFINITY);

  // What it held counts against the limit: at its brim nothing more is sent.
  const dead = await held();
  expect(dead).toEqual([{ id: (await documentOf(bench, documentId)).vectors_call, tokens: expect.any(Number) }]);
  const brim = await used();
  expect(brim).toBeGreaterThan(Number(dead[0]?.tokens));
  await limit(brim);
  const asked = next.asked.length;
  await start(next, 'killed-next');
  const goOn = async () => {
    await bench.db.updateTable('documents').set({ vectors_paused_until: null }).where('id', '=', documentId).execute();
    await bench.notify((await reindexOf(bench)).id);
  };
  const paused = async () => (await documentOf(bench, documentId)).vectors_paused_until !== null;
  await next.until(paused);
  expect(next.asked.length).toBe(asked);
  // Its time is up: the room is there again, and no more than that.
  await bench.db
    .updateTable('reservations')
    .set({ expires_at: new Date(0) })
    .execute();
  await goOn();
  await next.until(async () => next.asked.length > asked && (await paused()));
  expect(await used()).toBeLessThanOrEqual(brim);
  // Settled with the call that repeats it.
  expect(await held()).toEqual([]);
  await limit(null);
  await goOn();

  await next.until(async () => (await served(bench)) === 'killed-next');
  const again = next.answered
    .slice(60)
    .flat()
    .filter((text) => text.startsWith('Barque'));
  expect(again.length).toBeGreaterThan(0);
  expect(again.filter((text) => stored.some((one) => one.includes(text)))).toEqual([]);
  expect(await isWhole(bench, documentId, 'killed-next')).toBe(true);
  // The batch that was under way was paid twice, and the ledger says so.
  const { rows } = await sql<{ entries: number; tokens: number; repeated: number }>`
    select count(*) as entries, sum(amount)::int as tokens, sum(amount) filter (where repeated)::int as repeated
    from ledger where key like ${`vectors:${documentId}:%`} and model = 'killed-next'`.execute(bench.db);
  expect(rows[0]?.repeated).toBeGreaterThan(0);
  expect(rows[0]?.tokens).toBeGreaterThanOrEqual(chunks.length + (rows[0]?.repeated ?? 0));
  await expectNothingWrong(bench);
}, 240_000);

test('a deletion of the brain ends it', async () => {
  const documentId = await embedded('deleted-before', longText('Galley', 100));
  next.letThrough(0);
  await start(next, 'deleted-next');
  await next.until(() => next.asked.length > 0);
  await bench.services.query('update brains set deleted_at = now() where id = $1', [bench.brainId]);
  await bench.services.query('update documents set deleted_at = now() where brain_id = $1', [bench.brainId]);
  const deletion = await bench.order('delete_brain', null);
  await bench.until(deletion, succeeded);
  expect(await reindexOf(bench)).toMatchObject({ status: 'canceled' });
  next.letThrough(Number.POSITIVE_INFINITY);
  await next.until(() => next.answered.length > 0);
  expect(await bench.db.selectFrom('documents').select('id').where('id', '=', documentId).execute()).toEqual([]);
  await expectNothingWrong(bench);
}, 240_000);

test('a document that is said to have its vectors and has none is named', async () => {
  const place = await bench.newPlace();
  await start(before, 'named');
  const { jobId, documentId } = await bench.submit(longText('Yawl', 20), 'text/plain', place);
  await bench.until(jobId, succeeded);
  await before.until(() => isWhole(bench, documentId, 'named'));
  await bench.db.updateTable('documents').set({ vectors_model: 'other' }).where('id', '=', documentId).execute();
  const { verify } = await import('../../../../services/document-worker/verify/verify.ts');
  expect(await verify(bench.db, bench.store, bench.vectors)).toMatchObject([
    { kind: 'missing', says: 'a document is said to have all its vectors, and chunks have none', subject: documentId },
  ]);
  await bench.db.updateTable('documents').set({ vectors_model: 'named' }).where('id', '=', documentId).execute();
  expect(await documentOf(bench, documentId)).toMatchObject({ vectors_pending: false });
  await expectNothingWrong(bench);
}, 240_000);
