/**
 * Ready means warm: time from the start of a container until it is ready, and whether the first request after that is as
 * fast as the tenth. In the `bench` environment, under each tier's own budget.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type ServiceName, serviceNames } from '../../services/manifest.ts';
import { bench } from '../../stacks/environments/bench.ts';
import { type ContainerHouse, startContainers } from '../containers/house.ts';
import { lacksPodman } from '../containers/podman.ts';
import { lacksManuals } from '../flows/documents.ts';
import { firstToken, prepare, type Subject, search } from './load/calls.ts';
import type { Row } from './main.ts';

/** D16: the first request against the tenth. */
const ratioMax = 1.2;
/** A replica that is added under load must help before the load is over; health checks give a minute. */
const readySecondsMax = 60;

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const lacks = lacksPodman ?? lacksManuals;
  if (lacks) throw new Error(`bench ready cannot run: ${lacks}`);
  const house = await startContainers(bench);
  try {
    const subject = await prepare(house);
    const rows: Row[] = [];
    for (const tier of serviceNames) {
      const starts: Start[] = [];
      for (let count = 0; count < (quick ? 1 : 3); count++) starts.push(await start(house, tier, calls[tier], subject));
      rows.push(...rowsOf(tier, starts, quick));
    }
    return rows;
  } finally {
    await house.close();
  }
}

/** Resolves when the moment that counts has come, with what is left to do after it. */
type Request = (subject: Subject, address: string) => Promise<(() => Promise<unknown>) | undefined>;

/** A request that each tier exists for; a document-worker takes none. */
const calls: Readonly<Record<ServiceName, Request | undefined>> = {
  web: async (_subject, address) => get(address),
  api: async ({ cookie }, address) => get(`${address}/v1/brains`, { cookie }),
  chat: firstToken,
  vectorstore: search,
  'document-worker': undefined,
};

/** Each on a connection of its own: the tenth must not be faster for want of one. */
async function get(url: string, headers: Record<string, string> = {}): Promise<undefined> {
  const [response] = await once(request(url, { headers, agent: false }).end(), 'response');
  await text(response);
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
}

interface Start {
  readonly readySeconds: number;
  readonly firstMs: number;
  readonly tenthMs: number;
}

async function start(
  house: ContainerHouse,
  tier: ServiceName,
  ask: Request | undefined,
  subject: Subject,
): Promise<Start> {
  const before = performance.now();
  await house.replace(tier);
  const readySeconds = (performance.now() - before) / 1000;
  const address = await house.address(tier);
  const now = { ...subject, vectorstoreUrl: await house.address('vectorstore') };
  const times: number[] = [];
  for (let count = 0; ask && count < 10; count++) {
    const sent = performance.now();
    const rest = await ask(now, address);
    times.push(performance.now() - sent);
    await rest?.();
  }
  return { readySeconds, firstMs: times[0] ?? Number.NaN, tenthMs: times[9] ?? Number.NaN };
}

function rowsOf(tier: string, starts: readonly Start[], quick: boolean): Row[] {
  const middle = (of: (start: Start) => number) => {
    const sorted = starts.map(of).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  const readySeconds = middle((each) => each.readySeconds);
  const firstMs = middle((each) => each.firstMs);
  const tenthMs = middle((each) => each.tenthMs);
  const common = { row: 'D16', baseline: null };
  const ready: Row = {
    ...common,
    name: `${tier}: from the start of its container to ready`,
    value: readySeconds,
    unit: 's',
    goal: `<= ${readySecondsMax}`,
    holds: readySeconds <= readySecondsMax,
  };
  if (Number.isNaN(firstMs)) return [ready];
  const value = firstMs / tenthMs;
  return [
    ready,
    {
      ...common,
      name: `${tier}: first request after ready`,
      value: firstMs,
      unit: 'ms',
      goal: 'told',
      holds: true,
      baseline: tenthMs,
    },
    {
      ...common,
      name: `${tier}: first request against the tenth`,
      value,
      unit: 'x',
      goal: quick ? 'told: one start' : `<= ${ratioMax}`,
      holds: quick || value <= ratioMax,
    },
  ];
}
