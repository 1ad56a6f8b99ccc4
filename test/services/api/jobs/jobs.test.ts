import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { recordEvent } from '../../../../services/shared/jobs/events.ts';
import { RedisScheduler } from '../../../../services/shared/scheduler/redis-scheduler.ts';
import { openDocumentStore } from '../../../../services/shared/storage/document-store.ts';
import { pagesKey } from '../../../../services/shared/storage/object-keys.ts';
import { type Caller, type Harness, startHarness, upload } from '../harness.ts';

let harness: Harness;
let owner: Caller;
let job: { id: string; document_id: string; brain_id: string };
let count = 0;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
});
beforeEach(async () => {
  const brain = (await owner('POST', '/v1/brains', { name: 'B' })).body.id;
  count += 1;
  const { body, headers } = upload(`text ${count}`, 'a.txt');
  job = (await owner('POST', `/v1/brains/${brain}/documents`, body, headers)).body;
});
afterAll(() => harness.close());

const set = (values: object) => harness.db.updateTable('jobs').set(values).where('id', '=', job.id).execute();
const post = (what: string, body?: object) => owner('POST', `/v1/jobs/${job.id}${what}`, body);

/** A document of 4 pages of which 2 and 3 failed, as workers left it before pages had places: one array, gzipped. */
async function parsed(status = 'partial') {
  const tenant = (await owner('GET', '/v1/tenant')).body.id;
  const key = pagesKey(tenant, job.document_id, 1, 1, 4);
  const page = (page_number: number, failed: boolean) => ({
    page_number,
    text: failed ? '' : `page ${page_number}`,
    lines: [],
    images: [],
    tables: { status: 'unsupported' as const, items: [] },
    metadata: { parser: 'test' },
    error: failed ? { code: 'timeout' as const, message: 'took more than 30 s' } : null,
  });
  const pages = [1, 2, 3, 4].map((number) => page(number, number === 2 || number === 3));
  const store = await openDocumentStore(harness.services.documentStoreUrl);
  await store.put(key, Readable.from([gzipSync(JSON.stringify(pages))]));
  await harness.db
    .insertInto('pages')
    .values(
      pages.map(({ page_number, error }) => ({
        document_id: job.document_id,
        page_number,
        epoch: 1,
        object_key: key,
        error_code: error?.code ?? null,
        error_message: error?.message ?? null,
      })),
    )
    .execute();
  await set({ status, pages_total: 4, pages_done: 4, pages_failed: 2, epoch: 7, finished_at: new Date() });
}

test('a job tells its failed pages, its usage and its place in the queue', async () => {
  await new RedisScheduler(harness.redis).enqueue({
    jobId: job.id,
    tenantId: (await owner('GET', '/v1/tenant')).body.id,
    pagesLeft: null,
    enqueuedAtMs: Date.now(),
  });
  const waiting = await owner('GET', `/v1/jobs/${job.id}`);
  expect(waiting.body).toMatchObject({
    queue: { place: 1, pages_ahead: null, starts_in_ms: null },
    estimate: { finishes_at: null, unknown: 'pages_unknown' },
    lane: 'middle',
    price: null,
  });
  expect(waiting.headers['retry-after']).toBeDefined();
  await parsed();
  const done = await owner('GET', `/v1/jobs/${job.id}`);
  expect(done.body).toMatchObject({
    status: 'partial',
    progress: { pages_failed: 2, failed_pages: [2, 3] },
    queue: null,
  });
  expect(done.headers['retry-after']).toBeUndefined();
});

test('a poll asks Redis while PostgreSQL looks for the job', async () => {
  const [asked, locked, held] = [1, 2, 3].map(() => Promise.withResolvers<void>()) as [Waits, Waits, Waits];
  const monitor = await harness.redis.monitor();
  monitor.on('monitor', (_time: string, words: string[]) => {
    if (words.includes('place') && words.includes(job.id)) asked.resolve();
  });
  const holding = harness.db.transaction().execute(async (trx) => {
    await sql`lock table jobs in access exclusive mode`.execute(trx);
    locked.resolve();
    await held.promise;
  });
  try {
    await locked.promise;
    const polled = owner('GET', `/v1/jobs/${job.id}`);
    await asked.promise;
    held.resolve();
    expect((await polled).body.status).toBe('queued');
  } finally {
    held.resolve();
    await holding;
    monitor.disconnect();
  }
});
type Waits = PromiseWithResolvers<void>;

test('ETag: unchanged is 304', async () => {
  const { headers } = await owner('GET', `/v1/jobs/${job.id}`);
  const known = { 'if-none-match': String(headers.etag) };
  expect((await owner('GET', `/v1/jobs/${job.id}`, undefined, known)).status).toBe(304);
  await set({ stage: 'probing', status: 'running' });
  expect((await owner('GET', `/v1/jobs/${job.id}`, undefined, known)).status).toBe(200);
});

describe('wait', () => {
  test('answers when the job ends', async () => {
    const waiting = owner('GET', `/v1/jobs/${job.id}?wait=30`);
    await set({ status: 'succeeded' });
    const tenantId = (await owner('GET', '/v1/tenant')).body.id;
    await recordEvent(harness.db, { tenantId, event: 'document', resourceId: job.document_id });
    expect((await waiting).body.status).toBe('succeeded');
  });

  test('answers as it is when the time is over', async () => {
    expect((await owner('GET', `/v1/jobs/${job.id}?wait=1`)).body.status).toBe('queued');
  });
});

describe('pages', () => {
  test('come from the checkpoint objects, all or only the failed ones, page by page', async () => {
    await parsed();
    const { body } = await owner('GET', `/v1/jobs/${job.id}/pages?limit=3`);
    expect(body.data.map(({ page_number }: { page_number: number }) => page_number)).toEqual([1, 2, 3]);
    const rest = await owner('GET', `/v1/jobs/${job.id}/pages?limit=3&cursor=${body.next_cursor}`);
    expect(rest.body).toMatchObject({ data: [{ page_number: 4, text: 'page 4' }], next_cursor: null });
    const failed = await owner('GET', `/v1/jobs/${job.id}/pages?status=failed`);
    expect(failed.body.data).toMatchObject([{ page_number: 2, error: { code: 'timeout' } }, { page_number: 3 }]);
    expect((await owner('GET', `/v1/documents/${job.document_id}/pages/1`)).body.text).toBe('page 1');
    expect((await owner('GET', `/v1/documents/${job.document_id}/pages/5`)).status).toBe(404);
  });

  test('retry reads the failed ones again, as another attempt behind a higher fence', async () => {
    await parsed();
    const answer = await post('/pages:retry', {});
    expect([answer.status, answer.body.status]).toEqual([202, 'queued']);
    expect(answer.body).toMatchObject({ attempt: 2, progress: { pages_done: 2, pages_failed: 0 }, finished_at: null });
    const row = await harness.db.selectFrom('jobs').selectAll().where('id', '=', job.id).executeTakeFirstOrThrow();
    expect(row).toMatchObject({ epoch: 8, stage: null });
    const running = await post('/pages:retry', {});
    expect([running.status, running.body.detail]).toEqual([409, expect.stringContaining('The job is queued')]);
  });

  test('retry of some leaves the others; of one that did not fail it changes nothing', async () => {
    await parsed();
    const refused = await post('/pages:retry', { pages: [2, 4] });
    expect([refused.status, refused.body.detail]).toEqual([409, 'Not failed, so not read again: page 4.']);
    expect((await post('/pages:retry', { pages: [3] })).body.progress).toMatchObject({
      pages_done: 3,
      failed_pages: [2],
    });
  });

  test('retry of ten at once starts one attempt', async () => {
    await parsed();
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('/pages:retry', {})));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect((await owner('GET', `/v1/jobs/${job.id}`)).body.attempt).toBe(2);
  });

  test('a job that failed as a whole goes on with what is left: at the end, with the index', async () => {
    await set({ status: 'failed', error: JSON.stringify({ title: 'x', status: 502, code: 'model-failed' }) });
    expect((await post('/pages:retry', {})).body).toMatchObject({ status: 'queued', error: null });
    await parsed('failed');
    await harness.db
      .updateTable('pages')
      .set({ error_code: null })
      .where('document_id', '=', job.document_id)
      .execute();
    expect((await post('/pages:retry', {})).body).toMatchObject({ status: 'running', progress: { stage: 'indexing' } });
  });
});

describe('cancel', () => {
  test('ends a waiting job, asks a running one to end, and may be repeated', async () => {
    expect((await post(':cancel')).body).toMatchObject({ status: 'canceled', finished_at: expect.any(String) });
    expect((await post(':cancel')).status).toBe(202);
    await set({ status: 'running', finished_at: null });
    expect((await post(':cancel')).body.status).toBe('canceling');
    expect((await post(':cancel')).body.status).toBe('canceling');
    await set({ status: 'succeeded' });
    expect((await post(':cancel')).body.status).toBe('succeeded');
  });

  test('a deletion goes through', async () => {
    const deletion = await owner('DELETE', `/v1/documents/${job.document_id}`);
    expect(deletion.body).toMatchObject({ kind: 'delete_document', status: 'queued', progress: { stage: 'deleting' } });
    expect((await owner('POST', `/v1/jobs/${deletion.body.id}:cancel`)).status).toBe(409);
    expect((await owner('GET', `/v1/documents/${job.document_id}`)).status).toBe(404);
    expect((await owner('GET', `/v1/jobs/${job.id}`)).body.status).toBe('canceled');
    expect((await owner('DELETE', `/v1/documents/${job.document_id}`)).status).toBe(404);
    const queued = await harness.services.query('select task_identifier, key from graphile_worker.jobs');
    expect(queued).toContainEqual({ task_identifier: 'delete_document', key: deletion.body.id });
  });
});

test('confirm starts a job that awaits it; later it is harmless, at the end refused', async () => {
  await set({ status: 'awaiting_confirmation', pages_total: 900, price_usd: 1.5 });
  expect((await owner('GET', `/v1/jobs/${job.id}`)).body).toMatchObject({
    price: { pages: 900, usd: 1.5 },
    lane: 'heavy',
  });
  expect((await post(':confirm')).body.status).toBe('queued');
  expect((await post(':confirm')).body.status).toBe('queued');
  await set({ status: 'failed' });
  const late = await post(':confirm');
  expect([late.status, late.body.detail]).toEqual([409, expect.stringContaining('The job is failed')]);
});

test('deleting a brain takes its documents out of sight and stops their jobs', async () => {
  const answer = await owner('DELETE', `/v1/brains/${job.brain_id}`);
  expect([answer.status, answer.body.kind]).toEqual([202, 'delete_brain']);
  expect((await owner('GET', `/v1/brains/${job.brain_id}`)).status).toBe(404);
  expect((await owner('GET', `/v1/documents/${job.document_id}`)).status).toBe(404);
  expect((await owner('GET', `/v1/jobs/${job.id}`)).body.status).toBe('canceled');
});

test('jobs are listed by status, newest first', async () => {
  const { data } = (await owner('GET', '/v1/jobs?status=queued&limit=1')).body;
  expect(data).toMatchObject([{ id: job.id }]);
  const wrong = await owner('GET', '/v1/jobs?status=lost');
  expect([wrong.status, wrong.body.errors[0].path]).toEqual([400, 'querystring/status']);
});

test('Redis can be away: the api answers, without places in the queue', async () => {
  const other = await startHarness({ REDIS_URL: 'redis://127.0.0.1:1' });
  const caller = await other.owner();
  expect((await caller('POST', '/v1/brains', { name: 'B' })).status).toBe(201);
  expect((await caller('GET', '/readyz')).status).toBe(200);
  await other.close();
});
