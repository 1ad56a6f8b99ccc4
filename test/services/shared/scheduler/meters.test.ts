import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import {
  MeterError,
  type MeteredAccount,
  meterState,
  reportThrottled,
  settleMeter,
  takeFromMeter,
  waitForMeter,
} from '../../../../services/shared/scheduler/meters.ts';
import { emptyMeter, meterAtMs, usedShare } from '../../../../services/shared/scheduler/policy-meter.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
let redis: Redis;
let nowMs: number;
const clock = () => nowMs;
const place = { clock };
beforeAll(async () => {
  services = await startServices();
  redis = new Redis(services.redisUrl);
});
beforeEach(async () => {
  await redis.flushall();
  nowMs = 1_800_000_000_000;
});
afterAll(async () => {
  redis.disconnect();
  await services.close();
});

const parser: MeteredAccount = { name: 'parser', pagesPerMinute: 100 };
const minuteMs = 60_000;

/** Takes whatever it can for so long, as one who sleeps exactly as long as he is told. */
async function drain(account: MeteredAccount, forMs: number, pages: () => number = () => 1) {
  const taken: { atMs: number; pages: number }[] = [];
  const until = nowMs + forMs;
  let next = pages();
  while (nowMs < until) {
    const { waitMs } = await takeFromMeter(redis, account, { requests: 1, pages: next }, place);
    if (waitMs === 0) {
      taken.push({ atMs: nowMs, pages: next });
      next = pages();
    } else nowMs += waitMs;
  }
  return taken;
}

const sum = (taken: readonly { pages: number }[]) => taken.reduce((all, { pages }) => all + pages, 0);
/** The most pages of any 60 s. */
const mostInAMinute = (taken: readonly { atMs: number; pages: number }[]) =>
  Math.max(0, ...taken.map(({ atMs }) => sum(taken.filter((one) => one.atMs >= atMs && one.atMs < atMs + minuteMs))));

test('a meter gives at least 99 % of its limit, and never more than that in any 60 s', async () => {
  const taken = await drain(parser, 10 * minuteMs);
  expect(sum(taken)).toBeGreaterThanOrEqual(990);
  expect(mostInAMinute(taken)).toBeLessThanOrEqual(100);
});

test('Redis paces by the very share of a limit that plans are made with', async () => {
  const account = { name: 'parser', pagesPerMinute: 600 };
  await takeFromMeter(redis, account, { pages: 60 }, place);
  const begins = Number(await redis.hget('{bulkhead:schedule}:meter:parser', 'pagesNext'));
  expect(begins - nowMs).toBeCloseTo(
    meterAtMs(emptyMeter(account, nowMs, { pages: 60 }), { pages: 1 }, nowMs).atMs - nowMs,
    3,
  );
  expect(begins - nowMs).toBeCloseTo(6000 / usedShare, 3);
});

test('one that was idle gives no burst', async () => {
  await drain(parser, minuteMs);
  nowMs += 10 * minuteMs;
  expect((await drain(parser, 3000)).length).toBeLessThanOrEqual(6);
});

test('calls of any sizes stay within every limit in any 60 s', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), async (sizes) => {
      await redis.flushall();
      let at = 0;
      const taken = await drain(parser, 4 * minuteMs, () => sizes[at++ % sizes.length] as number);
      expect(mostInAMinute(taken)).toBeLessThanOrEqual(100);
      // What does not fit into a minute any more is its loss: less than one call.
      expect(sum(taken)).toBeGreaterThanOrEqual(4 * (99 - Math.max(...sizes)) - 1);
    }),
    { numRuns: 20 },
  );
});

test('the smallest of several limits decides', async () => {
  const account = { name: 'parser', requestsPerMinute: 10, pagesPerMinute: 1000 };
  const taken = await drain(account, 3 * minuteMs, () => 10);
  expect(taken.length).toBeGreaterThanOrEqual(29);
  expect(taken.length).toBeLessThanOrEqual(30);
  expect(await drain({ ...account, name: 'other', pagesPerMinute: 20 }, 3 * minuteMs, () => 10)).toHaveLength(5);
});

test('a meter that was lost begins empty', async () => {
  const before = await drain(parser, minuteMs);
  await redis.flushall();
  expect(await takeFromMeter(redis, parser, { pages: 1 }, place)).toEqual({ waitMs: expect.any(Number) });
  const after = await drain(parser, minuteMs);
  expect(mostInAMinute([...before, ...after])).toBeLessThanOrEqual(100);
  expect(sum(after)).toBeGreaterThanOrEqual(98);
});

test('a refusal halves the rate once, whoever tells it; it climbs by 5 % a minute up to the limit', async () => {
  await drain(parser, minuteMs);
  await Promise.all([1, 2, 3].map(() => reportThrottled(redis, parser, 5000, place)));
  expect((await meterState(redis, 'parser', place)).factor).toBe(0.5);
  expect(await takeFromMeter(redis, parser, { pages: 1 }, place)).toEqual({ waitMs: 5000 });
  nowMs += 5000;
  const slow = sum(await drain(parser, minuteMs));
  expect(slow).toBeGreaterThanOrEqual(49);
  expect(slow).toBeLessThanOrEqual(56);
  nowMs += 4 * minuteMs;
  expect((await meterState(redis, 'parser', place)).factor).toBeCloseTo(0.5 + 0.05 * (5 + 5 / 60), 1);
  nowMs += 6 * minuteMs;
  expect((await meterState(redis, 'parser', place)).factor).toBe(1);
  expect(mostInAMinute(await drain(parser, 3 * minuteMs))).toBeLessThanOrEqual(100);
});

test('who waits has a place in the line, and is told at once when it comes too late', async () => {
  const model = { name: 'model', requestsPerMinute: 600 };
  await takeFromMeter(redis, model, { requests: 1 });
  const started = Date.now();
  await Promise.all([1, 2, 3].map(() => waitForMeter(redis, model, { requests: 1 }, { waitMsMax: 2000 })));
  expect(Date.now() - started).toBeGreaterThanOrEqual(250);
  const late = waitForMeter(redis, { name: 'slow', requestsPerMinute: 1 }, { requests: 1 }, { waitMsMax: 1000 });
  await expect(late).rejects.toThrow(MeterError);
  await expect(late).rejects.toThrow("The account 'slow' has used its limit per minute; it is free again in 61 s.");
});

test('who takes in bursts is not paced, but for the first minute and after a refusal', async () => {
  const model = { name: 'model', requestsPerMinute: 60 };
  const options = { ...place, waitMsMax: 0, bursts: true };
  const burst = async (most: number) => {
    for (let taken = 0; taken < most; taken++)
      if (await waitForMeter(redis, model, { requests: 1 }, options).catch((error: MeterError) => error)) return taken;
    return most;
  };
  expect(await burst(5)).toBe(0);
  nowMs += 1100;
  expect(await burst(5)).toBe(1);
  nowMs += 61_000;
  expect(await burst(100)).toBe(60);
  nowMs += 30_000;
  expect(await burst(100)).toBe(0);
  nowMs += 31_000;
  await reportThrottled(redis, model, 0, place);
  expect(await burst(100)).toBeLessThanOrEqual(1);
});

test('what a call used more or less than expected is settled', async () => {
  const model = { name: 'model', tokensPerMinute: 60_000 };
  const take = (tokens: number) => takeFromMeter(redis, model, { tokens }, place);
  await take(1000);
  nowMs += 1100;
  expect(await take(30_000)).toEqual({ waitMs: 0 });
  await settleMeter(redis, model, { tokens: -29_000 }, place);
  expect((await take(1000)).waitMs).toBeLessThanOrEqual(1006);
  await settleMeter(redis, model, { tokens: 10_000 }, place);
  expect((await take(1000)).waitMs).toBeGreaterThan(10_900);
  expect((await meterState(redis, 'model', place)).taken.tokens).toBe(11_000);
});
