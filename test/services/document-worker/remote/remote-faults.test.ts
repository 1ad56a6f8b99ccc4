/** What a provider's parser may do to a document, and what it must not: lose a page, or bill one that nobody counts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { openRemote as openProvider } from '../../../../services/document-worker/parse/open-remote.ts';
import { beginCall, settleLostCalls } from '../../../../services/document-worker/parse/parser-calls.ts';
import { readSettings } from '../../../../services/shared/env.ts';
import { meterState } from '../../../../services/shared/scheduler/meters.ts';
import { schedulePrefix } from '../../../../services/shared/scheduler/parser-schedules.ts';
import type { ReferenceParserOptions } from '../../../support/reference-parser/server.ts';
import { pdfOf } from '../documents.ts';
import { watchFirstTake } from '../first-take.ts';
import { type Bench, openBench } from '../fixture.ts';
import { openRemote, type Remote } from './remote.ts';

const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;
const texts = (count: number) => Array.from({ length: count }, (_, at) => `page number${at + 1}`);
const place = { prefix: schedulePrefix('docling') };

let bench: Bench;
let redis: Redis;
let remote: Remote;
beforeAll(async () => {
  bench = await openBench();
  redis = new Redis(bench.services.redisUrl);
});
afterEach(async () => {
  await (remote as Remote | undefined)?.close();
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await bench.close();
});

const start = async (
  options: ReferenceParserOptions = {},
  env: Record<string, string> = {},
  how: { worker?: boolean } = {},
): Promise<Remote> => {
  remote = await openRemote(bench, 'docling', options, env, how);
  return remote;
};

test('above its rate the account is slowed for all, nothing is lost, and what was refused is not billed', async () => {
  const { parser, submit, ledger, calls } = await start({}, { PARSER_PAGES_PER_REQUEST: '1' });
  parser.next(429, 429, 429);
  const { jobId, documentId } = await submit(await pdfOf(texts(4)));
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 4, pages_failed: 0 });
  expect((await bench.pages(documentId)).map(({ text }) => text)).toEqual(texts(4));
  const outcomes = (await calls(jobId)).map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === 'throttled')).toHaveLength(3);
  expect(parser.throttled).toBe(3);
  expect(await ledger(jobId)).toMatchObject({ parser_calls: parser.calls.length, parser_pages: 4, pages: 4 });
  expect((await meterState(redis, 'docling', place)).factor).toBeLessThan(1);
});

test('the account is never above its limits, which are the reference parser to refuse', async () => {
  // 600 pages a minute, ten a second.
  const limits = { pagesPerMinute: 600, requestsPerMinute: 300 };
  const { parser, submit } = await start(limits, {
    PARSER_PAGES_PER_MINUTE: '600',
    PARSER_REQUESTS_PER_MINUTE: '300',
  });
  const firstTake = watchFirstTake(redis, 'docling', place);
  const jobs = [];
  for (let document = 0; document < 4; document += 1) jobs.push(await submit(await pdfOf(texts(10))));
  for (const { jobId } of jobs)
    expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 10 });
  expect(parser.throttled).toBe(0);
  const beganMs = await firstTake();
  // 40 pages at 10 a second: the last request of five leaves when 35 are paced.
  expect((parser.calls.at(-1)?.atMs ?? 0) - beganMs).toBeGreaterThanOrEqual(3000);
});

test('a request that hangs ends with its time, one that is late with its answer; both are counted', async () => {
  const { parser, submit, ledger, calls } = await start({}, { PARSER_TIMEOUT_MS: '1500' });
  parser.next('hang', { lateMs: 2500 }, { lateMs: 100 });
  const { jobId } = await submit(await pdfOf(texts(3)));
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 3 });
  expect((await calls(jobId)).map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'answered']);
  expect(await ledger(jobId)).toMatchObject({ parser_calls: 3, parser_pages: 9, pages: 3 });
});

test('after three retries a page fails, says what the parser said, and holds nobody up', async () => {
  const { parser, submit, calls } = await start();
  parser.behave(({ texts: [text] }) => (text === 'bad' ? 500 : 'answer'));
  const { jobId, documentId } = await submit(await pdfOf(['bad']));
  const other = await submit(await pdfOf(texts(2)));
  expect(await bench.until(other.jobId, ended)).toMatchObject({ status: 'succeeded' });
  // It waits for its turn meanwhile, outside of any slot.
  expect((await bench.job(jobId)).finished_at).toBeNull();
  await bench.until(jobId, ended, 120_000);
  expect(await calls(jobId)).toHaveLength(4);
  const rows = await bench.db.selectFrom('pages').selectAll().where('document_id', '=', documentId).execute();
  expect(rows).toMatchObject([
    {
      error_code: 'crash',
      error_message:
        'The parser was asked 4 times. The last time: The parser answered 500: {"detail":"told to answer 500"}',
    },
  ]);
}, 180_000);

test('pages that are refused together are sent in halves, until the one at fault is alone', async () => {
  const { parser, submit, ledger } = await start({}, { PARSER_PAGES_PER_REQUEST: '4' });
  parser.behave(({ texts: all }) => (all.includes('page number3') ? 422 : 'answer'));
  const { jobId, documentId } = await submit(await pdfOf(texts(4)));
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'partial', pages_done: 4, pages_failed: 1 });
  const rows = await bench.db
    .selectFrom('pages')
    .select(['page_number', 'error_code'])
    .where('document_id', '=', documentId)
    .where('error_code', 'is not', null)
    .execute();
  expect(rows).toEqual([{ page_number: 3, error_code: 'corrupt' }]);
  expect(await ledger(jobId)).toMatchObject({ parser_calls: parser.calls.length, parser_pages: parser.pages });
});

test('a wrong key fails the job at once, and says whose it is to mend', async () => {
  const { submit, ledger } = await start({ apiKey: 'right' }, { PARSER_API_KEY: 'wrong' });
  const { jobId } = await submit(await pdfOf(texts(1)));
  expect(await bench.until(jobId, ended)).toMatchObject({
    status: 'failed',
    error: {
      code: 'parser-refused',
      detail:
        'The parser answered 401: {"detail":"API key is invalid"}. The owner of this installation checks PARSER_API_KEY; then read it again.',
    },
  });
  expect(await ledger(jobId)).toEqual({});
});

test('a page larger than a request, or than an answer may be, fails alone', async () => {
  const { submit } = await start({}, { PARSER_REQUEST_BYTES_MAX: '400' });
  const { jobId, documentId } = await submit(await pdfOf(texts(2)));
  expect(await bench.until(jobId, ended)).toMatchObject({ pages_done: 2, pages_failed: 2 });
  const rows = await bench.db.selectFrom('pages').selectAll().where('document_id', '=', documentId).execute();
  expect(rows.map(({ error_code }) => error_code)).toEqual(['too-large', 'too-large']);
});

test('a tenant may choose the built-in parser, and its other documents go on with it', async () => {
  const { parser, submit } = await start();
  const other = await bench.newPlace();
  await bench.db.updateTable('tenants').set({ parser: 'built-in' }).where('id', '=', other.tenantId).execute();
  const { jobId, documentId } = await submit(await pdfOf(texts(2)), other);
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded' });
  expect(parser.calls).toHaveLength(0);
  expect((await bench.pages(documentId))[0]?.metadata.parser).toBe('pdfium');

  // Text costs nothing to read.
  const text = await bench.submit(Buffer.from('A text.'), 'text/plain');
  expect(await bench.until(text.jobId, ended)).toMatchObject({ status: 'succeeded' });
  expect(parser.calls).toHaveLength(0);
});

test('impossible settings are refused, with what is allowed', () => {
  const settings = (env: Record<string, string>) =>
    readSettings('document-worker', {
      ...bench.env,
      PARSER_BACKEND: 'docling',
      PARSER_URL: 'http://localhost:1',
      ...env,
    });
  const refused = (env: Record<string, string>) => {
    try {
      openProvider(settings(env), redis);
    } catch (error) {
      return (error as Error).message;
    }
    return 'opened';
  };
  expect(refused({})).toBe('opened');
  expect(refused({ PARSER_BACKEND: 'built-in', PARSER_URL: '' })).toBe('opened');
  expect(refused({ PARSER_BACKEND: 'marker' })).toBe(
    "PARSER_BACKEND is 'marker', allowed are 'built-in', 'docling', 'unstructured'.",
  );
  expect(refused({ PARSER_URL: '' })).toBe(
    "PARSER_BACKEND is 'docling', so PARSER_URL must be its base URL; it is ''.",
  );
  expect(refused({ PARSER_PAGES_PER_REQUEST: '0' })).toBe('PARSER_PAGES_PER_REQUEST is 0, allowed is a number from 1.');
});

const main = join(import.meta.dirname, '../../../../services/document-worker/main.ts');

test('a worker killed in mid-request: the call is in the ledger, and the one that repeats it is marked', async () => {
  const priced = { PARSER_USD_PER_THOUSAND_PAGES: '10' };
  const { parser, submit, ledger, calls, env } = await start({}, priced, { worker: false });
  parser.next('hang');
  const child: ChildProcess = spawn(process.execPath, [main], {
    env: { ...env, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const { jobId } = await submit(await pdfOf(texts(3)));
  for (let waited = 0; parser.calls.length === 0 && waited < 600; waited += 1) await sleep(100);
  expect(parser.calls).toHaveLength(1);
  child.kill('SIGKILL');
  // Its leases run out now, not in 40 s.
  for (const lease of await redis.zrange(`${place.prefix}:leases`, '0', '-1'))
    await redis.zadd(`${place.prefix}:leases`, 0, lease);
  await remote.startWorker();
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 3, pages_failed: 0 });
  expect((await calls(jobId)).map(({ outcome, repeated }) => [outcome, repeated])).toEqual([
    ['lost', false],
    ['answered', true],
  ]);
  expect(await ledger(jobId)).toMatchObject({
    parser_calls: parser.calls.length,
    parser_pages: parser.pages,
    pages: 3,
  });
  const costs = bench.db.selectFrom('ledger').select(['kind', 'repeated', 'cost_usd']).where('job_id', '=', jobId);
  expect(await costs.where('kind', 'in', ['pages', 'parser_pages']).orderBy('created_at').execute()).toEqual([
    { kind: 'parser_pages', repeated: false, cost_usd: 0.03 },
    { kind: 'parser_pages', repeated: true, cost_usd: 0.03 },
    { kind: 'pages', repeated: false, cost_usd: 0 },
  ]);
  const job = await bench.db.selectFrom('jobs').select('price_usd').where('id', '=', jobId).executeTakeFirst();
  expect(job).toEqual({ price_usd: 0.03 });
}, 180_000);

test('an account that is fuller than anybody said is found by its refusals, and every page is read once', async () => {
  // 20 pages in any 3 s; the worker was told of no limit.
  const { parser, submit, ledger, calls } = await start({ pagesPerMinute: 20, minuteMs: 3000 });
  const { jobId, documentId } = await submit(await pdfOf(texts(45)));
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 45, pages_failed: 0 });
  expect((await bench.pages(documentId)).map(({ text }) => text)).toEqual(texts(45));
  expect(parser.throttled).toBeGreaterThan(0);
  expect((await calls(jobId)).filter(({ outcome }) => outcome === 'throttled')).toHaveLength(parser.throttled);
  expect(await ledger(jobId)).toMatchObject({ parser_calls: parser.calls.length, parser_pages: 45, pages: 45 });
  expect(parser.pages).toBe(45);
}, 180_000);

test('Redis wiped in mid-document: the rest is read, and what was in flight is counted', async () => {
  const { parser, submit, ledger } = await start({ pageMs: 100 }, { PARSER_PAGES_PER_REQUEST: '2' });
  const { jobId } = await submit(await pdfOf(texts(30)));
  await bench.until(jobId, ({ pages_done }) => pages_done >= 6);
  await redis.flushall();
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 30, pages_failed: 0 });
  expect(await ledger(jobId)).toMatchObject({
    parser_calls: parser.calls.length,
    parser_pages: parser.pages,
    pages: 30,
  });
}, 180_000);

test('a document that waits moves to the parser that its tenant has now', async () => {
  const { parser, submit } = await start({ pageMs: 200 }, { PARSER_PAGES_PER_REQUEST: '1', PARSER_REQUESTS_MAX: '1' });
  const place = await bench.newPlace();
  const { jobId, documentId } = await submit(await pdfOf(texts(20)), place);
  await bench.until(jobId, ({ pages_done }) => pages_done >= 2);
  await bench.db.updateTable('tenants').set({ parser: 'built-in' }).where('id', '=', place.tenantId).execute();
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded', pages_done: 20 });
  const readers = (await bench.pages(documentId)).map(({ metadata }) => metadata.parser);
  expect(readers.filter((reader) => reader === 'docling')).toHaveLength(parser.pages);
  expect(new Set(readers)).toEqual(new Set(['docling', 'pdfium']));
});

test('a call whose worker is gone and whose job nobody reads any more is counted once', async () => {
  const { submit, ledger, calls } = await start({}, {}, { worker: false });
  const { jobId } = await submit(await pdfOf(texts(1)));
  const work = { jobId, tenantId: bench.tenantId, brainId: bench.brainId, attempt: 1, keyId: null, usdPerPage: null };
  const settle = () => settleLostCalls(bench.db, { timeoutMs: 1000, usdPerPage: null });
  const call = await beginCall(bench.db, work, { parser: 'docling', pages: [1], repeated: false });
  expect(await settle()).toBe(0);
  await bench.db
    .updateTable('parser_calls')
    .set({ started_at: new Date(0) })
    .where('id', '=', call.id)
    .execute();
  expect(await settle()).toBe(1);
  expect(await settle()).toBe(0);
  // It was only slow.
  await call.end('answered');
  expect((await calls(jobId)).map(({ outcome }) => outcome)).toEqual(['lost']);
  expect(await ledger(jobId)).toEqual({ parser_calls: 1, parser_pages: 1 });
  await bench.db.updateTable('jobs').set({ status: 'canceled' }).where('id', '=', jobId).execute();
});
