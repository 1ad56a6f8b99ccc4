/** The typed client against the API, and against what OpenAPI says of it. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ApiError, Client, linear, schedules } from '../../client/client.ts';
import { nextWaitMs } from '../../client/polling.ts';
import { retryAfterMs } from '../../client/problem.ts';
import { describeApi } from '../../services/api/openapi.ts';
import { type Harness, startHarness } from '../services/api/harness.ts';

let harness: Harness;
let url: string;
let key: string;
beforeAll(async () => {
  harness = await startHarness();
  url = await harness.app.http.listen({ host: '127.0.0.1', port: 0 });
  const owner = await harness.owner();
  const scopes = ['documents:read', 'documents:write', 'chat'];
  key = (await owner('POST', '/v1/keys', { name: 'Client', scopes })).body.secret;
});
afterAll(() => harness.close());

test('it calls every operation as OpenAPI describes it', async () => {
  const paths = describeApi('https://bulkhead.example').paths as Record<
    string,
    Record<string, { operationId: string; parameters?: { name: string; in: string }[] }>
  >;
  const asked: string[] = [];
  const client = new Client({
    fetch: async (given, options) => {
      asked.push(`${options?.method} ${String(given)}`);
      return Response.json({});
    },
  });
  for (const [path, methods] of Object.entries(paths))
    for (const [method, { operationId, parameters = [] }] of Object.entries(methods)) {
      const params = Object.fromEntries(parameters.filter((one) => one.in === 'path').map(({ name }) => [name, 'x']));
      await client.request(operationId as 'getJob', { params: params as { job: string } });
      expect(asked.pop()).toBe(`${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, 'x')}`);
    }
});

test('what does not fit an operation does not compile', async () => {
  const client = new Client({ url, key });
  // @ts-expect-error: there is no such operation
  await expect(client.call('eraseEverything', {})).rejects.toThrow();
  // @ts-expect-error: a brain has a name
  await expect(client.call('createBrain', { body: { title: 'No' } })).rejects.toMatchObject({ code: 'bad-request' });
  // @ts-expect-error: it needs the job's id
  await expect(client.call('getJob', {})).rejects.toBeInstanceOf(ApiError);
});

test('calls, lists and errors are typed', async () => {
  const client = new Client({ url, key });
  const made = await client.call('createBrain', { body: { name: 'Typed' } });
  const { data, next_cursor } = await client.call('listBrains', { query: { limit: 1 } });
  expect([data[0]?.id, next_cursor]).toEqual([made.id, null]);
  await expect(client.call('getBrain', { params: { brain: key.slice(0, 3) } })).rejects.toMatchObject({ status: 400 });
  const refused = client.call('listMembers', {});
  await expect(refused).rejects.toMatchObject({ status: 403, code: 'forbidden', retryAfterMs: null });
  await expect(new Client({ url, key: 'bk_wrong' }).call('me', {})).rejects.toMatchObject({ code: 'unauthorized' });
  await expect(new Client({ url: 'http://127.0.0.1:9' }).call('me', {})).rejects.toMatchObject({ code: 'unreachable' });
});

/** Ends the job of a document, as a worker would. */
const end = (name: string) =>
  harness.services.query(
    `update jobs set status = 'succeeded', finished_at = now(), pages_total = 1, pages_done = 1
     where document_id in (select id from documents where name = $1)`,
    [name],
  );

test('the example of docs/client.md waits for the end of its document', async () => {
  const page = await readFile(new URL('../../docs/client.md', import.meta.url), 'utf8');
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
  const program = spawn(process.execPath, ['--input-type=module-typescript', '-'], {
    cwd: new URL('../..', import.meta.url),
    env: { BULKHEAD_URL: url, BULKHEAD_KEY: key },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  program.stdin.end(example);
  const said = text(program.stdout);
  let running = true;
  program.once('exit', () => {
    running = false;
  });
  while (running) {
    await end('notice.md');
    await sleep(200);
  }
  expect(await said).toBe('succeeded 1\n');
});

/** A client whose server answers this, one after another. */
function scripted(answers: readonly [status: number, body: object, retryAfter?: string][]) {
  const asked: string[] = [];
  const client = new Client({
    fetch: async (given) => {
      const [status, body, retryAfter] = answers[asked.push(String(given)) - 1] as (typeof answers)[number];
      return Response.json(body, { status, headers: retryAfter ? { 'retry-after': retryAfter } : {} });
    },
  });
  return { client, asked };
}

test('a job is looked at when the server says, and faults that pass are waited out', async () => {
  const running = { id: 'a', status: 'running' };
  const { client, asked } = scripted([
    [200, running, '0'],
    [503, { title: 'Busy', status: 'yield', code: 'yield', retry_hint_ms: 5 }],
    [502, {}, '0'],
    [200, running, '0'],
    [200, { id: 'a', status: 'partial' }],
  ]);
  const waits: number[] = [];
  const job = await client.finished('a', { onPoll: (_job, waitMs) => waits.push(waitMs) });
  expect(job.status).toBe('partial');
  expect(asked).toEqual(Array.from({ length: 5 }, () => '/v1/jobs/a'));
  expect(waits).toEqual([0, 0]);
  const gone = scripted([[404, { title: 'No', status: 404, code: 'not-found' }]]);
  await expect(gone.client.finished('a')).rejects.toMatchObject({ code: 'not-found' });
});

test('a connection that breaks in the middle of an answer is waited out like one that gave none', async () => {
  const cut = () => new Response(new ReadableStream({ pull: (body) => body.error(new TypeError('terminated')) }));
  const answers = [cut, cut, () => Response.json({ id: 'a', status: 'succeeded' })];
  const client = new Client({ fetch: async () => (answers.shift() as () => Response)() });
  expect((await client.finished('a', { schedule: { waitMs: linear(1, 1), serverHint: 'least' } })).status).toBe(
    'succeeded',
  );
  const once = new Client({ fetch: async () => cut() });
  await expect(once.call('getJob', { params: { job: 'a' } })).rejects.toBeInstanceOf(ApiError);
});

test('who gives up waiting is let go at once', async () => {
  const { client } = scripted([[200, { status: 'queued' }, '3600']]);
  const giveUp = new AbortController();
  const waiting = client.finished('a', { signal: giveUp.signal, onPoll: () => giveUp.abort(new Error('enough')) });
  await expect(waiting).rejects.toThrow('enough');
});

test('schedules are linear', () => {
  const minutes = (poll: number) => nextWaitMs(schedules.batch, poll, null) / 60_000;
  expect([1, 2, 3, 100].map(minutes)).toEqual([5, 10, 10, 10]);
  expect([1, 2, 3, 15, 16].map((poll) => nextWaitMs(schedules.watch, poll, null))).toEqual([
    2000, 4000, 6000, 30_000, 30_000,
  ]);
  expect(nextWaitMs(schedules.watch, 9, 1000)).toBe(1000);
  expect(nextWaitMs(schedules.batch, 1, 1000)).toBe(300_000);
  expect(nextWaitMs(schedules.batch, 1, 3_600_000)).toBe(3_600_000);
  expect([0, 1, 5].map(linear(10, 30))).toEqual([10, 10, 30]);
});

test('Retry-After is seconds or a date', () => {
  const header = (value: string | null) => () => value;
  expect(retryAfterMs(header('7'))).toBe(7000);
  expect(retryAfterMs(header('Thu, 01 Jan 1970 00:01:00 GMT'), 15_000)).toBe(45_000);
  expect(retryAfterMs(header('Thu, 01 Jan 1970 00:00:01 GMT'), 15_000)).toBe(0);
  expect([header(null), header('soon')].map((one) => retryAfterMs(one))).toEqual([null, null]);
});
