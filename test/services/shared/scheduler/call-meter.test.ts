import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { type CallMeterOptions, createCallMeter } from '../../../../services/shared/scheduler/call-meter.ts';
import { type MeteredAccount, meterState } from '../../../../services/shared/scheduler/meters.ts';
import { emptyRedisBeforeEach, redis, services } from './empty-redis.ts';

emptyRedisBeforeEach();

const account: MeteredAccount = { name: 'embedding', requestsPerMinute: 600, tokensPerMinute: 600_000 };
const meterOf = (of: Partial<MeteredAccount> = {}, options: Partial<CallMeterOptions> = {}, connection = redis) =>
  createCallMeter(
    connection,
    { ...account, ...of },
    { waitMsMax: 5000, withoutRedis: 'fail', log: services.log, ...options },
  );
const sends = () => {
  const sentMs: number[] = [];
  return { sentMs, send: async () => void sentMs.push(performance.now()) };
};
/** The meter is told after the answer. */
const settled = async (holds: () => Promise<boolean>) => {
  while (!(await holds())) await sleep(10);
};

test('calls of several callers go at the account’s pace, one after another', async () => {
  const { sentMs, send } = sends();
  const started = performance.now();
  await Promise.all([meterOf(), meterOf(), meterOf(), meterOf()].map((meter) => meter.run({}, send, () => null)));
  expect(sentMs).toHaveLength(4);
  // From the start on: between two of them there is less when the first was sent late.
  for (const [index, at] of sentMs.entries()) expect(at - started).toBeGreaterThan(60 * index);
});

test('what was used in place of the estimate is settled', async () => {
  await meterOf().run(
    { tokens: 500 },
    async () => 200,
    (tokens) => ({ tokens }),
  );
  await settled(async () => (await meterState(redis, 'embedding')).taken.tokens === 200);
});

test('a 429 slows everybody down, for as long as the provider asks for', async () => {
  const refused = Object.assign(new Error('slow down'), {
    status: 429,
    headers: new Headers({ 'retry-after': '1' }),
  });
  const failing = meterOf().run(
    {},
    () => Promise.reject(refused),
    () => null,
  );
  await expect(failing).rejects.toBe(refused);
  await settled(async () => (await meterState(redis, 'embedding')).factor < 0.6);
  const started = performance.now();
  await meterOf().run(
    {},
    async () => {},
    () => null,
  );
  expect(performance.now() - started).toBeGreaterThan(800);
});

test('nothing is sent when the turn would come too late', async () => {
  const { sentMs, send } = sends();
  const late = meterOf({ requestsPerMinute: 1 }, { waitMsMax: 100 }).run({}, send, () => null);
  await expect(late).rejects.toThrow("The account 'embedding' has used its limit per minute");
  expect(sentMs).toEqual([]);
});

test('without Redis a call is sent, or fails, as its caller says; without a limit nobody is asked', async () => {
  const gone = new Redis(services.redisUrl, { lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 0 });
  const { sentMs, send } = sends();
  await meterOf({}, { withoutRedis: 'send' }, gone).run({}, send, () => null);
  expect(sentMs).toHaveLength(1);
  await expect(meterOf({}, { withoutRedis: 'fail' }, gone).run({}, send, () => null)).rejects.toThrow();
  expect(sentMs).toHaveLength(1);
  await meterOf({ requestsPerMinute: 0, tokensPerMinute: 0 }, {}, gone).run({}, send, () => null);
  expect(sentMs).toHaveLength(2);
  gone.disconnect();
});
