/**
 * How far the estimate at upload is from the real end: the scheduler in a real Redis, uploads as they come, and a parser
 * whose time is played faster. Beside it the simplest estimate, all pages that wait by the same speed. Shares its parts with the
 * bench `scheduling`.
 */

import { Redis } from 'ioredis';
import { seeded } from '../../environments/capacity/simulation/random.ts';
import type { Lease } from '../../services/shared/contract/grant.ts';
import { estimateOf } from '../../services/shared/scheduler/estimate.ts';
import type { Outlook, Place } from '../../services/shared/scheduler/outlook.ts';
import { ParserSchedules } from '../../services/shared/scheduler/parser-schedules.ts';
import { RedisScheduler } from '../../services/shared/scheduler/redis-scheduler.ts';
import { startServices } from '../support/stores.ts';
import setup from '../support/stores-server.ts';
import teardown from '../support/stores-teardown.ts';
import { atMost, type Row, told } from './report/rows.ts';
import { type PlayOptions, playScheduler } from './scheduling/play.ts';
import { behindHeavy, burst, day, tenantFlood, type Upload } from './scheduling/traces.ts';

const pagesPerMinute = 100;
/** A provider's account: it paces, whatever the workers could do. */
const provider: PlayOptions = { account: { name: 'parser', pagesPerMinute }, pageMs: 3000 };

/** Parsers of our own: four children are the bottleneck; pages take 1 to 3.4 s, one in fifty three times as long. */
function ownParsers(): PlayOptions {
  const random = seeded(7);
  const pageMs = () => 2400 * (0.4 + random()) * (random() < 0.02 ? 3 : 1);
  return {
    slots: 4,
    pagesPerGrant: 3,
    pageMs: ({ pages }: Lease) => pages.reduce((sum) => sum + pageMs(), 0),
  };
}

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  await setup();
  const services = await startServices();
  const redis = new Redis(services.redisUrl);
  try {
    const hours = quick ? 2 : 12;
    const rows: Row[] = [];
    for (const [name, uploads, options] of [
      ["a day's mix, a provider's account", day(1, hours, 0.9, pagesPerMinute), provider],
      ["a day's mix, own parsers", day(2, hours, 0.9, pagesPerMinute), ownParsers()],
      ['sixty at once, of 12 tenants', burst(12), provider],
      ['sixty at once, of one tenant', burst(1), provider],
      ...(quick ? [] : [['short ones behind five of 2,000', behindHeavy(), provider] as const]),
      ...(quick ? [] : [["a tenant's flood of 3,000", tenantFlood(150), provider] as const]),
    ] as const)
      rows.push(...errorRows(name, uploads, await ask(redis, uploads, options)));
    rows.push(...(await costRows(redis, quick)));
    return rows;
  } finally {
    redis.disconnect();
    await services.close();
    await teardown();
  }
}

interface Asked {
  readonly finishesInMs: number;
  /** All that wait, by the same speed. */
  readonly inOneQueueMs: number;
}

interface Answers {
  readonly asked: ReadonlyMap<string, Asked>;
  readonly unknown: number;
  readonly responses: ReadonlyMap<string, number>;
}

async function ask(redis: Redis, uploads: readonly Upload[], options: PlayOptions): Promise<Answers> {
  const asked = new Map<string, Asked>();
  let unknown = 0;
  const { responses } = await playScheduler(redis, uploads, {
    ...options,
    uploaded: async (scheduler, id) => {
      const { place, outlook } = await look(scheduler, id);
      const estimate = estimateOf(place, outlook);
      // One queue is the same estimate with all that waits before it, and nobody who comes later.
      const before = outlook.bands.reduce(
        (sum, { backlog }) => sum + [...backlog.values()].reduce((a, b) => a + b, 0),
        0,
      );
      const empty = outlook.bands.map(() => ({ backlog: new Map(), sorted: [], arrived: { pages: 0, batches: 0 } }));
      const inOne = estimateOf({ ...place, band: 4, pagesLeft: before, pagesAhead: 0 }, { ...outlook, bands: empty });
      if (estimate && inOne) asked.set(id, { finishesInMs: estimate.finishesInMs, inOneQueueMs: inOne.finishesInMs });
      else unknown += 1;
    },
  });
  return { asked, unknown, responses };
}

async function look(scheduler: RedisScheduler, id: string): Promise<{ place: Place; outlook: Outlook }> {
  const [place, outlook] = await Promise.all([scheduler.place(id), scheduler.outlook()]);
  if (!place) throw new Error(`${id} does not wait`);
  return { place, outlook };
}

const sizes = [
  ['1-10', 1, 10],
  ['11-100', 11, 100],
  ['101-199', 101, 199],
  ['200+', 200, Number.POSITIVE_INFINITY],
] as const;

function errorRows(name: string, uploads: readonly Upload[], { asked, unknown, responses }: Answers): Row[] {
  const errors = (key: keyof Asked, least = 1, most = Number.POSITIVE_INFINITY) =>
    uploads.flatMap(({ id, pages }) => {
      const [told, real] = [asked.get(id)?.[key], responses.get(id)];
      return told === undefined || real === undefined || pages < least || pages > most
        ? []
        : [(100 * Math.abs(told - real)) / real];
    });
  const figure = (what: string, least?: number, most?: number) => ({
    row: 'D12',
    name: `${name}: ${what}`,
    value: median(errors('finishesInMs', least, most)),
    unit: '%',
    baseline: median(errors('inOneQueueMs', least, most)),
  });
  return [
    // Of one document there is no median.
    asked.size < 10
      ? told('one document, after a burst', figure('error'))
      : atMost(20, figure(`median error of ${asked.size}`)),
    ...sizes.flatMap(([size, least, most]) => {
      const of = errors('finishesInMs', least, most).length;
      return of < 5 ? [] : [told(`${of} documents`, figure(`${size} pages`, least, most))];
    }),
    told('before a page was read', { row: 'D12', name: `${name}: no estimate`, value: unknown, unit: '' }),
  ];
}

/** What an estimate costs a replica of the api with 100,000 documents of 500 tenants waiting. */
async function costRows(redis: Redis, quick: boolean): Promise<Row[]> {
  await redis.flushall();
  const scheduler = new RedisScheduler(redis, { account: { name: 'parser', pagesPerMinute } });
  for (let at = 0; at < 100_000; ) {
    const batch = [];
    for (const end = at + 1000; at < end; at++) {
      const pagesLeft = Array.from({ length: 1 + ((at * 7919) % 300) }, (_, index) => index + 1);
      batch.push(scheduler.enqueue({ jobId: `j${at}`, tenantId: `t${at % 500}`, pagesLeft, enqueuedAtMs: at }));
    }
    await Promise.all(batch);
  }
  await scheduler.grant({ worker: 'bench', kinds: ['parse'], slots: 4, heavySlots: 0 });
  const schedules = new ParserSchedules(scheduler, null);
  const times: number[] = [];
  for (let at = 0; at < 400; at++) {
    const start = performance.now();
    if (!(await schedules.estimate(`j${at * 249}`))?.estimate) throw new Error('nothing was estimated');
    times.push(performance.now() - start);
  }
  const figure = (name: string, value: number) => ({ row: 'D12', name: `an estimate, ${name}`, value, unit: 'ms' });
  return [
    quick
      ? told('as busy as the machine is', figure('100,000 documents waiting: p75', percentile(times, 0.75)))
      : atMost(10, figure('100,000 documents waiting: p75', percentile(times, 0.75))),
    told(null, figure('100,000 documents waiting: p95', percentile(times, 0.95))),
  ];
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
const median = (values: readonly number[]) => percentile(values, 0.5);
