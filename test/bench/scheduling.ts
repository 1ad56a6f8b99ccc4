/**
 * Who waits how long: the scheduler in a real Redis, beside one queue, two lanes and the SRPT bound, on the same uploads at
 * the same pace. A provider's parser of 100 pages a minute, 3 s a page, whose time is played faster; then 16 workers in
 * real time against a faster one, and grants per second with 100,000 documents waiting. SCHEDULING_PARTS (played,meter,queue)
 * names some.
 */
import { Redis } from 'ioredis';
import type { Lease } from '../../services/shared/contract/grant.ts';
import { usedShare } from '../../services/shared/scheduler/policy-meter.ts';
import { startServices } from '../support/stores.ts';
import setup from '../support/stores-server.ts';
import teardown from '../support/stores-teardown.ts';
import { atMost, type Row, told } from './report/rows.ts';
import { fifo, play, type Responses, shortestRemaining, twoLanes } from './scheduling/baselines.ts';
import { meterRows } from './scheduling/meter.ts';
import { playScheduler } from './scheduling/play.ts';
import { queueRows } from './scheduling/queue.ts';
import { behindHeavy, day, lightFlood, slowHeavy, tenantFlood, type Upload } from './scheduling/traces.ts';

const pagesPerMinute = 100;
const pageMs = 3000;
/** All of them at the meter's pace. */
const stepMs = 60_000 / (pagesPerMinute * usedShare);
const account = { name: 'parser', pagesPerMinute };

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  await setup();
  const services = await startServices();
  const redis = new Redis(services.redisUrl);
  const second = new Redis(services.redisUrl, { db: 1 });
  try {
    // Their time is played: two at once disturb nobody.
    const played = async (redis: Redis, scenarios: readonly Scenario[]) => {
      const rows: Row[] = [];
      for (const scenario of scenarios)
        rows.push(...(await scenario((uploads, until) => compare(redis, uploads, until), quick)));
      return rows;
    };
    const traces = async () => {
      const both = [played(redis, [heavyFirst, mixedDay]), played(second, [starved, floodedTenant])];
      return [...(await Promise.all(both)).flat(), ...(await slowParser(redis))];
    };
    const wanted = process.env.SCHEDULING_PARTS?.split(',');
    const part = async (name: string, measure: () => Promise<Row[]>) =>
      !wanted || wanted.includes(name) ? measure() : [];
    return [
      ...(await part('played', traces)),
      ...(await part('meter', () => meterRows(services.redisUrl, quick))),
      ...(await part('queue', () => queueRows(redis, quick))),
    ];
  } finally {
    redis.disconnect();
    second.disconnect();
    await services.close();
    await teardown();
  }
}

interface Compared {
  readonly ours: Responses;
  readonly fifo: Responses;
  readonly lanes: Responses;
  readonly srpt: Responses;
  readonly mostInAMinute: number;
}
type Compare = (uploads: readonly Upload[], until?: string) => Promise<Compared>;
type Scenario = (compare: Compare, quick: boolean) => Promise<Row[]>;

async function compare(redis: Redis, uploads: readonly Upload[], until?: string): Promise<Compared> {
  const { responses, mostInAMinute } = await playScheduler(redis, uploads, {
    account,
    pageMs,
    ...(until && { until }),
  });
  const beside = (pick: Parameters<typeof play>[1]) => play(uploads, pick, stepMs, pageMs, until);
  return {
    ours: responses,
    mostInAMinute,
    fifo: beside(fifo()),
    lanes: beside(twoLanes()),
    srpt: beside(shortestRemaining()),
  };
}

/** The same figure of the others, beside ours. */
function others(row: string, name: string, figure: (of: Responses) => number, { lanes, srpt }: Compared): Row[] {
  return [
    told('two lanes', { row, name, value: figure(lanes), unit: 's' }),
    told('SRPT', { row, name, value: figure(srpt), unit: 's' }),
  ];
}

const seconds = (of: Responses, id: string) => (of.get(id) ?? Number.NaN) / 1000;
const longest = (of: Responses, prefix: string) =>
  Math.max(...[...of].filter(([id]) => id.startsWith(prefix)).map(([, ms]) => ms / 1000));
const mean = (of: Responses) => [...of.values()].reduce((sum, ms) => sum + ms / 1000, 0) / of.size;

async function heavyFirst(compare: Compare): Promise<Row[]> {
  const compared = await compare(behindHeavy());
  const ones = (of: Responses) => longest(of, 'one');
  const middle = (of: Responses) => seconds(of, 'middle');
  const name = 'S1 one page behind five of 2,000: longest';
  return [
    atMost(4.5, { row: 'D7', name, value: ones(compared.ours), unit: 's', baseline: ones(compared.fifo) }),
    ...others('D7', name, ones, compared),
    told(null, {
      row: 'D7',
      name: 'S1 150 pages beside them',
      value: middle(compared.ours),
      unit: 's',
      baseline: middle(compared.fifo),
    }),
    atMost(pagesPerMinute, { row: 'D10', name: 'S1 most pages in any 60 s', value: compared.mostInAMinute, unit: '' }),
  ];
}

async function mixedDay(compare: Compare, quick: boolean): Promise<Row[]> {
  const means = { ours: 0, fifo: 0, lanes: 0, srpt: 0 };
  const seeds = quick ? [1] : [1, 2, 3];
  for (const seed of seeds) {
    const compared = await compare(day(seed, quick ? 4 : 24, 0.9, pagesPerMinute));
    for (const key of ['ours', 'fifo', 'lanes', 'srpt'] as const) means[key] += mean(compared[key]) / seeds.length;
  }
  // What is short of a day has few heavy documents: its ratio says less.
  const goal = quick ? 1.5 : 1.36;
  const ratio = (value: number) => value / means.srpt;
  return [
    atMost(goal, {
      row: 'D11',
      name: 'S2 mean response / SRPT',
      value: ratio(means.ours),
      unit: 'x',
      baseline: ratio(means.fifo),
    }),
    told('two lanes', { row: 'D11', name: 'S2 mean response / SRPT', value: ratio(means.lanes), unit: 'x' }),
    told(null, { row: 'D11', name: 'S2 mean response', value: means.ours, unit: 's', baseline: means.fifo }),
  ];
}

async function starved(compare: Compare, quick: boolean): Promise<Row[]> {
  const hours = quick ? 5 : 6;
  const compared = await compare(lightFlood(hours, pagesPerMinute), 'heavy');
  const heavy = (of: Responses) => seconds(of, 'heavy');
  const name = 'S3 2,000 pages under a light flood';
  const bound = 2000 / ((1 / 15) * (pagesPerMinute / 60));
  return [
    atMost(bound, { row: 'D8', name, value: heavy(compared.ours), unit: 's', baseline: heavy(compared.fifo) }),
    ...others('D8', name, heavy, compared),
  ];
}

async function floodedTenant(compare: Compare, quick: boolean): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [pages, goal] of [
    [10, 15],
    [100, null],
    [150, null],
    [2000, 4800],
  ] as const) {
    if (quick && goal === null) continue;
    const compared = await compare(tenantFlood(pages), 'other');
    const other = (of: Responses) => seconds(of, 'other');
    const name = `S4 ${pages} pages beside another tenant's flood`;
    const figure = { row: 'D9', name, value: other(compared.ours), unit: 's', baseline: other(compared.fifo) };
    rows.push(goal === null ? told(null, figure) : atMost(goal, figure), ...others('D9', name, other, compared));
  }
  return rows;
}

/** Four slots are the bottleneck, not an account: a parser that takes 10 s a page, and hangs for 35 s at every 20th. */
async function slowParser(redis: Redis): Promise<Row[]> {
  const hangs = (page: number) => page % 20 === 0;
  const takesMs = ({ light, pages: [page = 0] }: Lease) => (hangs(page) && !light ? 35_000 : 10_000);
  const longestOne = async (keepsSlot: boolean) => {
    const { responses } = await playScheduler(redis, slowHeavy(), { slots: 4, keepsSlot, pageMs: takesMs });
    return longest(responses, 'one');
  };
  const [value, baseline] = [await longestOne(true), await longestOne(false)];
  const name = 'S5 one page, 10 s a page (beside: no slot kept)';
  return [atMost(10.5, { row: 'D17', name, value, unit: 's', baseline })];
}
