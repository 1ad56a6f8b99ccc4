import { expect, test } from '@jest/globals';
import { RedisScheduler } from '../../../../services/shared/scheduler/redis-scheduler.ts';
import { emptyRedisBeforeEach, redis } from './empty-redis.ts';

emptyRedisBeforeEach();

const pages = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('the outlook tells what waits, what came, and how fast it was read', async () => {
  let nowMs = 1_800_000_000_000;
  const timed = new RedisScheduler(redis, { clock: () => nowMs, pagesPerGrant: 10 });
  for (const [jobId, tenantId, count] of [
    ['small', 'a', 4],
    ['middle', 'a', 60],
    ['other', 'b', 80],
    ['last', 'a', 90],
  ] as const)
    await timed.enqueue({ jobId, tenantId, pagesLeft: pages(count), enqueuedAtMs: nowMs });
  // Enqueued again is no arrival.
  await timed.enqueue({ jobId: 'small', tenantId: 'a', pagesLeft: pages(4), enqueuedAtMs: nowMs });
  const before = await timed.outlook();
  expect(before.bands.map(({ backlog }) => Object.fromEntries(backlog))).toEqual([{ a: 4 }, { a: 150, b: 80 }, {}, {}]);
  expect(before.bands.map(({ arrived }) => arrived)).toMatchObject([
    { pages: 4, batches: 1 },
    { pages: 230, batches: 1 },
    { pages: 0 },
    { pages: 0 },
  ]);
  expect(before).toMatchObject({ slots: 0, readPages: 0, pagesPerMinute: null });
  expect(await timed.place('last')).toMatchObject({ jobsAhead: 2, pagesAhead: 60, pagesLeft: 90, waiting: true });

  const grant = await timed.grant({ worker: 'w', kinds: ['parse'], slots: 4, heavySlots: 0 });
  if (!('lease' in grant)) throw new Error('nothing was granted');
  nowMs += 2000;
  await timed.complete(grant.lease, grant.lease.pages);
  expect(await timed.outlook()).toMatchObject({ slots: 4, leases: 0, readMs: 2000, readPages: 4, pagesPerGrant: 10 });
  expect(await timed.place('small')).toBeNull();
  // Who does not ask any more has no slots; what came long ago counts less.
  nowMs += 3_600_000;
  const later = await timed.outlook();
  expect(later.slots).toBe(0);
  expect(later.bands[1]?.arrived.pages).toBeCloseTo(230 / Math.E, 0);
  // A stream without a pause is many batches.
  for (let at = 0; at < 30; at++) {
    await timed.enqueue({ jobId: `s${at}`, tenantId: 'a', pagesLeft: pages(200), enqueuedAtMs: nowMs });
    nowMs += 1000;
  }
  expect((await timed.outlook()).bands[3]?.arrived.batches).toBeCloseTo(3, 1);
});

test('the pages before a job are summed up without looking at each, for long queues too', async () => {
  const scheduler = new RedisScheduler(redis);
  const enqueue = (jobId: string, count: number, enqueuedAtMs: number) =>
    scheduler.enqueue({ jobId, tenantId: 'a', pagesLeft: pages(count), enqueuedAtMs });
  for (let index = 0; index < 300; index++) await enqueue(`q${index}`, 11 + (index % 80), index);
  await enqueue('late', 60, 1000);
  const shorter = Array.from({ length: 300 }, (_, index) => 11 + (index % 80)).filter((pages) => pages <= 60);
  const real = shorter.reduce((sum, pages) => sum + pages, 0);
  const place = await scheduler.place('late');
  expect(place?.jobsAhead).toBe(shorter.length);
  expect(Math.abs((place?.pagesAhead ?? 0) - real) / real).toBeLessThan(0.03);
});
