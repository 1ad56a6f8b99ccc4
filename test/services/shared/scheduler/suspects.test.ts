/** Pages that end their workers are found and given up, and pages that only stood beside them are read. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { blamedMax, type Grant, type Lease, lostMax } from '../../../../services/shared/contract/grant.ts';
import { meterState } from '../../../../services/shared/scheduler/meters.ts';
import { RedisScheduler } from '../../../../services/shared/scheduler/redis-scheduler.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
let redis: Redis;
let scheduler: RedisScheduler;
beforeAll(async () => {
  services = await startServices();
  redis = new Redis(services.redisUrl);
});
beforeEach(async () => {
  await redis.flushall();
  scheduler = new RedisScheduler(redis);
});
afterAll(async () => {
  redis.disconnect();
  await services.close();
});

const pages = (count: number, first = 1) => Array.from({ length: count }, (_, index) => first + index);
const ask = (worker = 'w') => scheduler.grant({ worker, kinds: ['probe', 'parse'], slots: 4, heavySlots: 0 });
const leaseOf = (grant: Grant): Lease => {
  if ('lease' in grant) return grant.lease;
  throw new Error(`no lease, sleep ${grant.sleepMs} ms`);
};
const enqueue = (jobId: string, count: number | null, tenantId = 'a') =>
  scheduler.enqueue({ jobId, tenantId, pagesLeft: count === null ? null : pages(count), enqueuedAtMs: 1000 });
/** What happens to the leases of a worker that died. */
const expire = (...leases: Lease[]) =>
  Promise.all(leases.map(({ id }) => redis.zadd('{bulkhead:schedule}:leases', 0, id)));

/** One worker at a time reads what it is granted; those of `fatal` end it, until they or the job are given up. */
async function work(fatal: (lease: Lease) => boolean) {
  const told = { ended: 0, read: [] as number[], givenUp: [] as number[], jobGivenUp: false };
  for (let turn = 0; turn < 500; turn += 1) {
    const grant = await ask(`w${told.ended}`);
    if (!('lease' in grant)) break;
    const { lease } = grant;
    if (lease.blamed >= blamedMax) {
      told.jobGivenUp = true;
      await scheduler.remove(lease.jobId);
    } else if (lease.lost >= lostMax) {
      told.givenUp.push(...lease.pages);
      await scheduler.complete(lease, lease.pages);
    } else if (fatal(lease)) {
      told.ended += 1;
      await expire(lease);
    } else {
      told.read.push(...lease.pages);
      await scheduler.complete(lease, lease.pages);
    }
  }
  return told;
}

test('a page that ends its worker is given up after three, and every other page is read once', async () => {
  await enqueue('job', 120);
  const told = await work(({ pages }) => pages.includes(17));
  expect(told).toMatchObject({ ended: 3, givenUp: [17], jobGivenUp: false });
  expect(told.read.toSorted((a, b) => a - b)).toEqual(pages(120).filter((page) => page !== 17));
  expect(await scheduler.known('job')).toBe(false);
});

test('a document whose every page ends its worker is given up as a whole after a few', async () => {
  await enqueue('job', 50);
  expect(await work(() => true)).toMatchObject({ ended: blamedMax + 1, jobGivenUp: true, read: [] });
  expect(await scheduler.known('job')).toBe(false);
});

test('a probe that ends its worker says how often', async () => {
  await enqueue('job', null);
  for (let lost = 0; lost < lostMax; lost += 1) {
    const lease = leaseOf(await ask());
    expect(lease).toMatchObject({ kind: 'probe', lost, pages: [] });
    await expire(lease);
  }
  const lease = leaseOf(await ask());
  expect(lease).toMatchObject({ kind: 'probe', lost: lostMax });
  await enqueue('job', 3);
  await scheduler.complete(lease, []);
  expect(leaseOf(await ask())).toMatchObject({ kind: 'parse', pages: [1, 2, 3], lost: 0 });
});

test('what a dead worker held is read apart: never two suspects at once, whoever asks', async () => {
  await enqueue('one', 60, 'a');
  await enqueue('two', 5, 'b');
  await enqueue('three', 200, 'c');
  const held = [leaseOf(await ask()), leaseOf(await ask()), leaseOf(await ask())];
  expect(new Set(held.map(({ jobId }) => jobId)).size).toBeGreaterThan(1);
  await expire(...held);
  for (let under: Lease | undefined, turn = 0; turn < 200; turn += 1) {
    const grant = await ask(`w${turn % 3}`);
    if (!('lease' in grant)) break;
    const { lease } = grant;
    if (lease.lost === 0) {
      await scheduler.complete(lease, lease.pages);
      continue;
    }
    expect(under).toBe(undefined);
    expect(lease.pages.length).toBeLessThanOrEqual(8);
    under = lease;
    // The others go on meanwhile, with pages that nobody suspects.
    const beside = await ask('beside');
    if ('lease' in beside) {
      expect(beside.lease.lost).toBe(0);
      await scheduler.complete(beside.lease, beside.lease.pages);
    }
    await scheduler.complete(lease, lease.pages);
    under = undefined;
  }
  for (const job of ['one', 'two', 'three']) expect(await scheduler.known(job)).toBe(false);
});

test('a suspect that is given back, or checkpointed after all, is not lost again', async () => {
  await enqueue('job', 10);
  const first = leaseOf(await ask());
  await expire(first);
  const second = leaseOf(await ask());
  expect(second).toMatchObject({ pages: pages(8), lost: 1 });
  await scheduler.complete(second, [1, 2]);
  await scheduler.complete(first, [3]);
  expect(leaseOf(await ask())).toMatchObject({ lost: 1, pages: [9, 10] });
});

test('pages of healthy workers that lost their lease with the job are not suspected', async () => {
  await enqueue('job', 100);
  const [dead, healthy] = [leaseOf(await ask('dead')), leaseOf(await ask('healthy'))];
  await expire(dead);
  const [suspects, others] = [leaseOf(await ask('dead')), leaseOf(await ask('healthy'))];
  expect(suspects).toMatchObject({ lost: 1, pages: pages(8) });
  expect(others).toMatchObject({ lost: 0, pages: healthy.pages });
});

test('lost pages that an account reads now are one of its requests, and pass its meter', async () => {
  await enqueue('job', 8);
  await expire(leaseOf(await ask()));
  const account = { name: 'parser', pagesPerMinute: 6000 };
  const metered = new RedisScheduler(redis, { pagesPerGrant: 5, account });
  const next = async (): Promise<Lease> => {
    const grant = await metered.grant({ worker: 'w', kinds: ['parse'], slots: 4, heavySlots: 0 });
    if ('lease' in grant) return grant.lease;
    await sleep(grant.sleepMs);
    return next();
  };
  expect(await next()).toMatchObject({ lost: 1, pages: pages(5), tokens: 5 });
  expect((await meterState(redis, 'parser')).taken).toMatchObject({ requests: 1, pages: 5 });
});
