/** Grants per second, with few documents waiting and with many. */
import type { Redis } from 'ioredis';
import { RedisScheduler } from '../../../services/shared/scheduler/redis-scheduler.ts';
import { atMost, type Row, told } from '../report/rows.ts';

const few = 1000;
const many = 100_000;
const tenants = 500;

export async function queueRows(redis: Redis, quick: boolean): Promise<Row[]> {
  const grants = quick ? 1000 : 3000;
  const small = await grantsPerSecond(redis, few, grants);
  const large = await grantsPerSecond(redis, many, grants);
  return [
    // A hundred times as many: a sorted set is half as deep again.
    atMost(2, { row: 'D11', name: `time of a grant, ${many} queued / ${few}`, value: small / large, unit: 'x' }),
    told('one connection, one call after another', {
      row: 'D11',
      name: `grants with ${many} queued`,
      value: large,
      unit: '/s',
      baseline: small,
    }),
  ];
}

async function grantsPerSecond(redis: Redis, queued: number, grants: number): Promise<number> {
  await redis.flushall();
  const scheduler = new RedisScheduler(redis);
  for (let at = 0; at < queued; ) {
    const batch = [];
    for (const end = at + 1000; at < end; at++) {
      const pagesLeft = Array.from({ length: 1 + ((at * 7919) % 300) }, (_, index) => index + 1);
      batch.push(scheduler.enqueue({ jobId: `j${at}`, tenantId: `t${at % tenants}`, pagesLeft, enqueuedAtMs: at }));
    }
    await Promise.all(batch);
  }
  const start = performance.now();
  for (let at = 0; at < grants; at++) {
    const grant = await scheduler.grant({ worker: 'bench', kinds: ['parse'], slots: 4, heavySlots: 0 });
    if (!('lease' in grant)) throw new Error('nothing was granted');
    await scheduler.complete(grant.lease, grant.lease.pages);
  }
  return grants / ((performance.now() - start) / 1000);
}
