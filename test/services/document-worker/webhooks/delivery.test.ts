/** Webhooks from the end of a job to the receiver: real worker, real receiver, real time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { DocumentWorker } from '../../../../services/document-worker/app.ts';
import { answer, type Received, type Receiver, startReceiver, verified } from '../../../support/webhook-receiver.ts';
import { type Bench, openBench } from '../fixture.ts';

let bench: Bench;
let receiver: Receiver;
let worker: DocumentWorker | undefined;
/** One for the tests that need one; those before it have none. */
const working = async () => {
  worker ??= await bench.startWorker();
};
beforeAll(async () => {
  receiver = await startReceiver();
  bench = await openBench({ WEBHOOK_PORTS: String(receiver.port), WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' });
});
afterEach(async () => {
  await bench.db.deleteFrom('webhooks').execute();
  receiver.received.length = 0;
  receiver.answerWith(answer(204));
});
afterAll(async () => {
  await worker?.close(5000);
  await receiver.close();
  await bench.close();
});

const secretOf = (text: string) => `whsec_${Buffer.from(text.padEnd(32, '.')).toString('base64')}`;
const secret = secretOf('first');

async function newWebhook(url = receiver.url, events = ['document.ready', 'document.failed', 'document.canceled']) {
  const id = uuidv7();
  await bench.db.insertInto('webhooks').values({ id, tenant_id: bench.tenantId, url, events }).execute();
  await bench.db.insertInto('webhook_secrets').values({ webhook_id: id, secret }).execute();
  return id;
}

const text = (words: string) => new TextEncoder().encode(`# A heading\n\n${words}\n`);
const submit = (words = 'Some words.') => bench.submit(text(words), 'text/markdown');
const webhookOf = (id: string) =>
  bench.db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const deliveriesOf = (id: string) =>
  bench.db.selectFrom('webhook_deliveries').selectAll().where('webhook_id', '=', id).orderBy('id').execute();

async function until<Value>(read: () => Promise<Value>, holds: (value: Value) => boolean): Promise<Value> {
  for (const endMs = Date.now() + 60_000; ; await sleep(20)) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > endMs) throw new Error(`it is still ${JSON.stringify(value)}`);
  }
}

/** As if the wait was over. */
async function due(webhookId: string): Promise<void> {
  await sql`update webhook_deliveries set next_attempt_at = now() where webhook_id = ${webhookId}`.execute(bench.db);
  await sql`update webhooks set paused_until = null where id = ${webhookId}`.execute(bench.db);
  await order(webhookId);
}
const order = (webhookId: string) =>
  sql`select graphile_worker.add_job('send_webhooks', ${JSON.stringify({ webhookId })}::json,
    job_key := ${`webhook:${webhookId}`})`.execute(bench.db);

test('a transaction that is rolled back tells nobody', async () => {
  const id = await newWebhook();
  const { jobId } = await submit();
  await bench.db
    .transaction()
    .execute(async (tx) => {
      await tx.updateTable('jobs').set({ status: 'canceled' }).where('id', '=', jobId).execute();
      throw new Error('rolled back');
    })
    .catch(() => {});
  expect(await deliveriesOf(id)).toEqual([]);
  await bench.db
    .updateTable('jobs')
    .set({ status: 'canceled', finished_at: new Date() })
    .where('id', '=', jobId)
    .execute();
  expect(await deliveriesOf(id)).toMatchObject([{ event: 'document.canceled', status: 'pending' }]);
});

test('a worker killed between the commit and the delivery loses nothing', async () => {
  const id = await newWebhook();
  // It takes the request and never answers: the delivery is under way when the worker dies.
  receiver.answerWith(() => {});
  const main = join(import.meta.dirname, '../../../../services/document-worker/main.ts');
  const child = spawn(process.execPath, [main], { env: { ...bench.env }, stdio: ['ignore', 'ignore', 'inherit'] });
  const { jobId } = await submit();
  await receiver.until(1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await bench.job(jobId)).toMatchObject({ status: 'succeeded' });
  const [lost] = await deliveriesOf(id);
  expect(lost).toMatchObject({ status: 'pending', attempts: 1 });
  receiver.answerWith(answer(204));
  // As if the dead worker's time was over; the task that it held stays locked.
  await sql`update webhooks set sending_until = now() where id = ${id}`.execute(bench.db);
  await sql`update webhook_deliveries set next_attempt_at = now() - interval '2 minutes'`.execute(bench.db);
  await working();
  await receiver.until(2);
  const [delivered] = await until(
    () => deliveriesOf(id),
    ([one]) => one?.status === 'delivered',
  );
  expect(delivered).toMatchObject({ id: lost?.id, attempts: 2 });
  expect(receiver.received[1]?.headers['webhook-id']).toBe(receiver.received[0]?.headers['webhook-id']);
  expect(receiver.received[1]?.body).toBe(receiver.received[0]?.body);
});

test('the end of a job is told, signed, to those who want to know', async () => {
  const [id, other] = [await newWebhook(), await newWebhook(receiver.url, ['document.failed'])];
  await working();
  const { jobId, documentId } = await submit();
  await receiver.until(1);
  const [got] = receiver.received as [Received];
  expect(got).toMatchObject({ method: 'POST', path: '/hook' });
  expect(got.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'Bulkhead-Webhooks' });
  expect(verified(got, secret)).toEqual({
    type: 'document.ready',
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    data: {
      tenant_id: bench.tenantId,
      brain_id: bench.brainId,
      document_id: documentId,
      job_id: jobId,
      status: 'succeeded',
      attempt: 1,
      pages_total: 1,
      pages_done: 1,
      pages_failed: 0,
      error: null,
    },
  });
  expect(() => verified({ ...got, body: got.body.replace('succeeded', 'failed') }, secret)).toThrow('No matching');
  const [delivery] = await until(
    () => deliveriesOf(id),
    ([first]) => first?.status === 'delivered',
  );
  expect(delivery).toMatchObject({ event: 'document.ready', job_id: jobId, attempts: 1, last_status: 204 });
  expect(got.headers['webhook-id']).toBe(delivery?.id);
  expect(await deliveriesOf(other)).toEqual([]);
  expect(await webhookOf(id)).toMatchObject({ failures_in_a_row: 0, delivered_at: expect.any(Date) });
});

test('a document that cannot be read is told with the reason', async () => {
  await newWebhook();
  await working();
  await bench.submit(new TextEncoder().encode('%PDF-1.7 broken'), 'application/pdf');
  await receiver.until(1);
  expect(verified(receiver.received[0] as Received, secret)).toMatchObject({
    type: 'document.failed',
    data: { status: 'failed', error: { code: 'damaged' } },
  });
});

test('what fails comes again with the same id and the same bytes, later each time, and is given up', async () => {
  const id = await newWebhook();
  receiver.answerWith(answer(500));
  await working();
  await submit();
  const [first] = await until(
    () => deliveriesOf(id),
    ([one]) => one?.last_status === 500,
  );
  expect(first).toMatchObject({ status: 'pending', attempts: 1, last_error: 'The receiver answered 500.' });
  expect(first?.next_attempt_at.getTime()).toBeLessThanOrEqual(Date.now() + 5500);
  expect(await webhookOf(id)).toMatchObject({ failures_in_a_row: 1, disabled_at: null });
  // The second comes by itself, after 5 s.
  await receiver.until(2);
  for (let attempt = 3; attempt <= 8; attempt += 1) {
    await until(
      () => deliveriesOf(id),
      ([one]) => one?.attempts === attempt - 1 && one.next_attempt_at.getTime() > Date.now() + 60_000,
    );
    await due(id);
    await receiver.until(attempt);
  }
  const [given] = await until(
    () => deliveriesOf(id),
    ([one]) => one?.status === 'failed',
  );
  expect(given).toMatchObject({ attempts: 8, last_status: 500 });
  expect(receiver.received).toHaveLength(8);
  expect(new Set(receiver.received.map(({ headers, body }) => `${headers['webhook-id']} ${body}`)).size).toBe(1);
  // It took nothing in all that time: nothing more is recorded for it.
  expect(await webhookOf(id)).toMatchObject({ disabled_reason: 'failing', failures_in_a_row: 8 });
});

test('410 ends it at once', async () => {
  const id = await newWebhook();
  receiver.answerWith(answer(410));
  await working();
  await submit();
  await until(
    () => webhookOf(id),
    ({ disabled_reason }) => disabled_reason === 'gone',
  );
  expect(await deliveriesOf(id)).toMatchObject([{ status: 'failed', attempts: 1, last_status: 410 }]);
  const { jobId } = await submit('Other words.');
  await bench.until(jobId, ({ status }) => status === 'succeeded');
  expect(await deliveriesOf(id)).toHaveLength(1);
  expect(receiver.received).toHaveLength(1);
});

test('a redirect is not followed', async () => {
  const inner = await startReceiver();
  const id = await newWebhook();
  receiver.answerWith(answer(307, { location: inner.url }));
  await working();
  await submit();
  const [delivery] = await until(
    () => deliveriesOf(id),
    ([one]) => one?.last_status === 307,
  );
  expect(delivery?.last_error).toBe('The receiver answered 307; redirects are not followed.');
  expect(inner.received).toEqual([]);
  await inner.close();
});

test('receivers that hang hold up neither parsing nor other receivers', async () => {
  // As many as may be sent to at once, less one.
  const stuck = await Promise.all(Array.from({ length: 3 }, () => newWebhook()));
  receiver.answerWith(({ path }, response) => {
    if (path === '/fine') response.writeHead(204).end();
  });
  const fine = await newWebhook(receiver.url.replace('/hook', '/fine'));
  await working();
  const jobs = await Promise.all(Array.from({ length: 5 }, (_, at) => submit(`Words ${at}.`)));
  for (const { jobId } of jobs) await bench.until(jobId, ({ status }) => status === 'succeeded');
  await until(
    () => deliveriesOf(fine),
    (all) => all.length === 5 && all.every(({ status }) => status === 'delivered'),
  );
  const hung = await until(
    () => deliveriesOf(stuck[0] as string),
    (all) => all.some(({ last_error }) => last_error !== null),
  );
  expect(hung.find(({ last_error }) => last_error)).toMatchObject({
    last_status: null,
    last_error: 'The receiver did not answer within 10 s.',
  });
  // One was tried; the others wait for the end of the pause instead of a time-out each.
  expect(hung.filter(({ attempts }) => attempts > 0)).toHaveLength(1);
});

test('what is switched off in the middle of a turn is sent nothing more', async () => {
  await working();
  const id = await newWebhook();
  const later = new Date(Date.now() + 3_600_000);
  await bench.db.updateTable('webhooks').set({ paused_until: later }).where('id', '=', id).execute();
  let off: Promise<unknown> | undefined;
  receiver.answerWith((_request, response) => {
    off ??= bench.db.updateTable('webhooks').set({ disabled_at: new Date() }).where('id', '=', id).execute();
    void off.then(() => response.writeHead(204).end());
  });
  const jobs = await Promise.all([submit('One.'), submit('Two.'), submit('Three.')]);
  for (const { jobId } of jobs) await bench.until(jobId, ({ status }) => status === 'succeeded');
  expect(await deliveriesOf(id)).toHaveLength(3);
  await due(id);
  await until(
    () => deliveriesOf(id),
    (all) => all.some(({ status }) => status === 'delivered'),
  );
  await until(
    () => webhookOf(id),
    ({ sending_until }) => sending_until === null,
  );
  expect(receiver.received).toHaveLength(1);
});

test('for a day after a rotation both secrets sign', async () => {
  const id = await newWebhook();
  const next = secretOf('second');
  await bench.db.updateTable('webhook_secrets').set({ expires_at: sql<Date>`now() + interval '1 day'` }).execute();
  await bench.db.insertInto('webhook_secrets').values({ webhook_id: id, secret: next }).execute();
  const old = secretOf('third');
  await bench.db
    .insertInto('webhook_secrets')
    .values({ webhook_id: id, secret: old, expires_at: sql<Date>`now() - interval '1 second'` })
    .execute();
  await working();
  await submit();
  await receiver.until(1);
  const [got] = receiver.received as [Received];
  expect(verified(got, secret)).toMatchObject({ type: 'document.ready' });
  expect(verified(got, next)).toMatchObject({ type: 'document.ready' });
  expect(() => verified(got, old)).toThrow('No matching');
});
