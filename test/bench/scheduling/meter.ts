/** 16 workers in real time, each with its own connection, against one account. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Lease } from '../../../services/shared/contract/grant.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { GrantLoop } from '../../../services/shared/scheduler/grant-loop.ts';
import { RedisScheduler } from '../../../services/shared/scheduler/redis-scheduler.ts';
import { must, type Row, told } from '../report/rows.ts';
import { Provider } from './play.ts';

const workers = 16;
const slots = 4;
const pagesPerMinute = 6000;
const account = { name: 'parser', pagesPerMinute };
const latencyMs = () => 200 + Math.random() * 300;

export async function meterRows(redisUrl: string, quick: boolean): Promise<Row[]> {
  const runMs = quick ? 65_000 : 180_000;
  // In %. A grant that a busy machine is late for is lost, since a meter saves nothing up: in CI that is no fault of it.
  const shareMin = quick ? 97 : 99;
  const provider = new Provider();
  const connections = Array.from({ length: workers }, () => new Redis(redisUrl));
  const first = connections[0] as Redis;
  await first.flushall();
  const schedulers = connections.map((redis) => new RedisScheduler(redis, { pagesPerGrant: 1, account }));
  const pages = Math.ceil((pagesPerMinute / 60_000) * runMs * 1.2);
  for (let at = 0; at < pages; at += 100) {
    const pagesLeft = Array.from({ length: 100 }, (_, index) => index + 1);
    await schedulers[0]?.enqueue({ jobId: `j${at}`, tenantId: `t${at % 7}`, pagesLeft, enqueuedAtMs: at });
  }
  let asked = 0;
  let reached = 0;
  let counting = false;
  const loops = schedulers.map((scheduler, index) => {
    const counted = {
      ...bound(scheduler),
      held: () => scheduler.held(),
      grant: (request: Parameters<typeof scheduler.grant>[0]) => {
        if (counting) asked += 1;
        return scheduler.grant(request);
      },
    };
    return new GrantLoop({
      scheduler: counted,
      worker: `w${index}`,
      slots,
      log: createLogger('bench', { level: 'silent' }),
      work: async (lease: Lease) => {
        provider.take(performance.now(), lease.pages.length);
        if (counting) reached += lease.pages.length;
        await sleep(latencyMs());
        await scheduler.complete(lease, lease.pages);
      },
      idle: async () => {},
      lost: () => {},
    });
  });
  for (const loop of loops) loop.start();
  await sleep(2000);
  counting = true;
  const start = performance.now();
  await sleep(runMs);
  counting = false;
  const share = reached / ((pagesPerMinute / 60_000) * (performance.now() - start));
  await Promise.all(loops.map((loop) => loop.stop(2000)));
  for (const redis of connections) redis.disconnect();
  return [
    must(`>= ${shareMin}`, share >= shareMin / 100, {
      row: 'D10',
      name: `meter, ${workers} workers: share of the rate`,
      value: 100 * share,
      unit: '%',
    }),
    must(`<= ${pagesPerMinute}`, provider.mostInAMinute <= pagesPerMinute, {
      row: 'D10',
      name: 'meter, most pages in any 60 s',
      value: provider.mostInAMinute,
      unit: '',
    }),
    told(null, { row: 'D10', name: 'meter, calls to Redis per page', value: asked / reached, unit: '' }),
  ];
}

const bound = (scheduler: RedisScheduler) => ({
  enqueue: scheduler.enqueue.bind(scheduler),
  renew: scheduler.renew.bind(scheduler),
  complete: scheduler.complete.bind(scheduler),
  remove: scheduler.remove.bind(scheduler),
  snapshot: scheduler.snapshot.bind(scheduler),
  needsRebuild: scheduler.needsRebuild.bind(scheduler),
  rebuilt: scheduler.rebuilt.bind(scheduler),
});
