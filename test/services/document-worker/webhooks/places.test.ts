/** Receivers that take all the time they are given, and take everything: other tenants do not wait for them. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { sendTurn } from '../../../../services/document-worker/webhooks/turn.ts';
import { type WebhookRules, webhookRules } from '../../../../services/shared/webhooks/addresses.ts';
import { answer, type Receiver, startReceiver } from '../../../support/webhook-receiver.ts';
import { type Bench, openBench } from '../fixture.ts';

let bench: Bench;
let receiver: Receiver;
let settings: { WEBHOOK_PORTS: string; WEBHOOK_ALLOWED_NETWORKS: string };
beforeAll(async () => {
  receiver = await startReceiver();
  settings = { WEBHOOK_PORTS: String(receiver.port), WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' };
  bench = await openBench(settings);
});
afterAll(async () => {
  await receiver.close();
  await bench.close();
});

const secret = `whsec_${Buffer.from('of a webhook'.padEnd(32, '.')).toString('base64')}`;

/** With so many deliveries that wait for it. */
async function newWebhook(tenantId: string, path: string, deliveries: number): Promise<string> {
  const id = uuidv7();
  const url = receiver.url.replace('/hook', path);
  await bench.db.insertInto('webhooks').values({ id, tenant_id: tenantId, url, events: [] }).execute();
  await bench.db.insertInto('webhook_secrets').values({ webhook_id: id, secret }).execute();
  const waiting = Array.from({ length: deliveries }, () => ({
    id: uuidv7(),
    webhook_id: id,
    event: 'document.ready',
    body: '{}',
  }));
  await bench.db.insertInto('webhook_deliveries').values(waiting).execute();
  return id;
}
const cameTo = (path: string) => receiver.received.filter((one) => one.path === path).length;

test('four slow webhooks of a tenant have half of the places; a webhook of another is sent to meanwhile', async () => {
  const other = await bench.newPlace();
  const fast = Promise.withResolvers<void>();
  const slowBefore: number[] = [];
  receiver.answerWith(({ path }, response) => {
    if (path === '/fast') {
      slowBefore.push(cameTo('/slow'));
      fast.resolve();
    }
    // All the slow ones take until the other tenant's was told.
    void fast.promise.then(() => response.writeHead(204).end());
  });
  for (let count = 0; count < 4; count += 1) await newWebhook(bench.tenantId, '/slow', 30);
  const worker = await bench.startWorker();
  await receiver.until(2);
  await newWebhook(other.tenantId, '/fast', 1);
  await receiver.until(3);
  expect(slowBefore).toEqual([2]);
  // They come, too.
  await receiver.until(4 * 30 + 1);
  await worker.close(5000);
});

test('a turn ends after its time, and the next is ordered', async () => {
  receiver.answerWith(answer(204));
  const id = await newWebhook(bench.tenantId, '/turn', 3);
  const count = () => {};
  const rules = webhookRules(settings) as WebhookRules;
  await sendTurn({ db: bench.db, log: bench.services.log, rules, count, turnMs: 0 }, id);
  expect(cameTo('/turn')).toBe(1);
  expect(
    await bench.services.query(`select flags from graphile_worker.jobs where key = $1`, [`webhook:${id}`]),
  ).toEqual([{ flags: { [`tenant:${bench.tenantId}`]: true } }]);
});
