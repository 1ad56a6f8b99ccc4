import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { nextAttemptMs, pauseMs, retryDelaysMs } from '../../../../services/document-worker/webhooks/schedule.ts';
import { send } from '../../../../services/document-worker/webhooks/send.ts';
import { webhookRules } from '../../../../services/shared/webhooks/addresses.ts';
import { answer, type Receiver, startReceiver } from '../../../support/webhook-receiver.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());

const attempt = (url: string) => ({ id: 'an-id', url, body: '{}', secrets: [`whsec_${'A'.repeat(43)}=`] });
const rulesOf = (networks = '127.0.0.0/8') => {
  const rules = webhookRules({ WEBHOOK_PORTS: String(receiver.port), WEBHOOK_ALLOWED_NETWORKS: networks });
  if (!rules) throw new Error('there are rules');
  return rules;
};

test('an address that became private since it was set is not connected to', async () => {
  const before = receiver.received.length;
  const result = await send(attempt(receiver.url), { rules: rulesOf('') });
  expect(result).toMatchObject({ status: null, error: expect.stringContaining('in a private network') });
  const named = `http://receiver.example:${receiver.port}/`;
  expect(await send(attempt(named), { rules: rulesOf(''), resolve: async () => ['127.0.0.1'] })).toEqual(result);
  expect(receiver.received).toHaveLength(before);
});

test('a name is asked for once, and what was checked is connected to', async () => {
  let asked = 0;
  const resolve = async () => {
    asked += 1;
    return ['127.0.0.1'];
  };
  const url = `http://receiver.example:${receiver.port}/path`;
  expect(await send(attempt(url), { rules: rulesOf(), resolve })).toEqual({ status: 204, error: null });
  expect(asked).toBe(1);
  expect(receiver.received.at(-1)?.headers.host).toBe(`receiver.example:${receiver.port}`);
});

test('a name that DNS does not answer for ends with the time', async () => {
  const url = `http://receiver.example:${receiver.port}/`;
  expect(await send(attempt(url), { rules: rulesOf(), timeoutMs: 200, resolve: () => new Promise(() => {}) })).toEqual({
    status: null,
    error: 'The receiver did not answer within 0.2 s.',
  });
  const unknown = Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' });
  expect(await send(attempt(url), { rules: rulesOf(), resolve: () => Promise.reject(unknown) })).toEqual({
    status: null,
    error: 'The name of the receiver is not known to DNS.',
  });
});

test('an answer without end is cut off', async () => {
  let written = 0;
  receiver.answerWith((_request, response) => {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(16 * 1024))) written += 16 * 1024;
      response.once('drain', more);
    };
    more();
  });
  expect(await send(attempt(receiver.url), { rules: rulesOf() })).toEqual({ status: 200, error: null });
  expect(written).toBeLessThan(16 * 1024 * 1024);
  receiver.answerWith(answer(204));
});

test('a receiver that is not there, or speaks no TLS, is told in words', async () => {
  const gone = await startReceiver();
  await gone.close();
  const rules = webhookRules({
    WEBHOOK_PORTS: `${gone.port},${receiver.port}`,
    WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
  });
  if (!rules) throw new Error('there are rules');
  expect(await send(attempt(gone.url), { rules })).toEqual({
    status: null,
    error: 'The receiver refused the connection.',
  });
  const secure = receiver.url.replace('http:', 'https:');
  expect((await send(attempt(secure), { rules })).error).toMatch(/^The request failed: /);
});

test('attempts are eight in 27 hours and 35 minutes, and a pause is five minutes at most', () => {
  expect(retryDelaysMs.map((_, at) => nextAttemptMs(at + 1, 0))).toEqual(retryDelaysMs);
  expect(retryDelaysMs.reduce((sum, ms) => sum + ms, 0)).toBe(27 * 3_600_000 + 35 * 60_000 + 5000);
  expect(nextAttemptMs(8)).toBeNull();
  expect(nextAttemptMs(1, 1)).toBe(5500);
  expect([1, 2, 3, 7, 100].map(pauseMs)).toEqual([5000, 10_000, 20_000, 300_000, 300_000]);
});
