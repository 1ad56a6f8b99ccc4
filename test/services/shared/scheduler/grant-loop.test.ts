import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { Lease } from '../../../../services/shared/contract/grant.ts';
import { GrantLoop } from '../../../../services/shared/scheduler/grant-loop.ts';
import { meterState } from '../../../../services/shared/scheduler/meters.ts';
import { RedisScheduler, type RedisSchedulerOptions } from '../../../../services/shared/scheduler/redis-scheduler.ts';
import { emptyRedisBeforeEach, redis, services } from './empty-redis.ts';

emptyRedisBeforeEach();

/** A worker that does this for each lease, until nothing is left, or so many were given. @returns leases in the order in which they began */
async function drain(
  uploads: readonly { jobId: string; tenantId: string; pages: number }[],
  slots: number,
  work: (lease: Lease) => Promise<void>,
  options: RedisSchedulerOptions = {},
  grantsMax = Number.POSITIVE_INFINITY,
): Promise<Lease[]> {
  const scheduler = new RedisScheduler(redis, options);
  for (const [at, { jobId, tenantId, pages }] of uploads.entries()) {
    const pagesLeft = Array.from({ length: pages }, (_, index) => index + 1);
    await scheduler.enqueue({ jobId, tenantId, pagesLeft, enqueuedAtMs: at });
  }
  let left = uploads.reduce((sum, { pages }) => sum + pages, 0);
  const began: Lease[] = [];
  const loop = new GrantLoop({
    scheduler,
    worker: 'w',
    slots,
    log: services.log,
    work: async (lease) => {
      began.push(lease);
      await work(lease);
      await scheduler.complete(lease, lease.pages);
      left -= lease.pages.length;
    },
    idle: async () => {},
    lost: () => {},
  });
  loop.start();
  while (left > 0 && began.length < grantsMax) await sleep(5);
  await loop.stop(1000);
  return began;
}

const light = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ jobId: `light${at}`, tenantId: `t${at % 3}`, pages: 1 }));

test('a heavy document gets its share of a worker whose slots are all taken by light ones', async () => {
  const heavy = { jobId: 'heavy', tenantId: 'h', pages: 230 };
  const began = await drain([...light(160), heavy], 4, () => sleep(40 + Math.random() * 40), { pagesPerGrant: 1 }, 110);
  // A ninth beside the lightest band alone.
  expect(began.slice(0, 110).filter(({ jobId }) => jobId === 'heavy').length).toBeGreaterThanOrEqual(11);
});

test('heavy documents never hold all slots', async () => {
  const heavies = [1, 2, 3, 4].map((at) => ({ jobId: `heavy${at}`, tenantId: `h${at}`, pages: 300 }));
  let atOnce = 0;
  let most = 0;
  await drain(heavies, 3, (lease) => {
    if (lease.light) return sleep(5);
    atOnce += 1;
    most = Math.max(most, atOnce);
    setTimeout(() => {
      atOnce -= 1;
    }, 5);
    return sleep(6);
  });
  expect(most).toBe(2);
});

test('an account that answers slowly has no more requests under way than its rate needs, and serves heavy ones', async () => {
  const account = { name: 'parser', pagesPerMinute: 3000 };
  await redis.rpush('{bulkhead:schedule}:meter:parser:latency', ...Array.from({ length: 100 }, () => 40));
  let ended = 0;
  let beforeAnyEnded = 0;
  const four = Promise.withResolvers<void>();
  const work = async () => {
    if (ended === 0) beforeAnyEnded += 1;
    if (beforeAnyEnded === 4) four.resolve();
    // However long it takes until as many are under way as may be, a fifth has as long again to be wrong.
    await four.promise;
    await sleep(600);
    ended += 1;
  };
  const uploads = [...light(60), { jobId: 'heavy', tenantId: 'h', pages: 110 }];
  const began = await drain(uploads, 64, work, { account, pagesPerGrant: 1 });
  // 50 a second for 40 ms are 2, and 2 beside; without a bound they were 30.
  expect(beforeAnyEnded).toBe(4);
  expect(began.findIndex(({ jobId }) => jobId === 'heavy')).toBeLessThan(60);
  expect(began.every(({ tokens, pages }) => tokens === pages.length)).toBe(true);
  expect((await meterState(redis, 'parser')).taken).toMatchObject({ requests: 170, pages: 170 });
});
