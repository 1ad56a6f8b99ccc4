/**
 * Ready means warm: time from the start of a container until it is ready, and whether the first request after that is as
 * fast as the tenth. In the `bench` environment, under each tier's own budget.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { bench } from '../../environments/bench.ts';
import type { EnvironmentInput } from '../../environments/environment.ts';
import { placedServices, resolveEnvironment } from '../../environments/environment.ts';
import type { ServiceName } from '../../services/manifest.ts';
import { type ContainerDeployment, startContainers } from '../containers/deployment.ts';
import { lacksPodman } from '../containers/podman.ts';
import { lacksManuals } from '../flows/documents.ts';
import { firstToken, prepare, type Subject, search } from './load/calls.ts';
import { fast, withModel } from './load/model.ts';
import { prioritize, quantiles } from './load/probe.ts';
import { atMost, type Figure, type Row, told } from './report/rows.ts';

/** D16: the first request against the tenth. */
const ratioMax = 1.2;
/** A replica that is added under load must help before the load is over; health checks give a minute. */
const readySecondsMax = 60;
/** A single first request on a shared machine says little: the medians are compared. */
const startsOfFull = 7;
/** The tenth and those after it. */
const requests = 20;
/** Every request finds the tier as the first one did, at rest and with its CPU quota whole. */
const restMs = 250;

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const lacks = lacksPodman ?? lacksManuals;
  if (lacks) throw new Error(`bench ready cannot run: ${lacks}`);
  prioritize();
  return [
    ...(await measure(bench, placedServices(resolveEnvironment(bench)), '', quick)),
    ...(await withModel(bench, fast, (environment) => measure(environment, ['chat'], ' by a model', quick))),
  ];
}

/** @param how they answer, after a tier's name */
async function measure(
  environment: EnvironmentInput,
  tiers: readonly ServiceName[],
  how: string,
  quick: boolean,
): Promise<Row[]> {
  const deployment = await startContainers(environment);
  try {
    const subject = await prepare(deployment);
    const rows: Row[] = [];
    for (const tier of tiers) {
      const starts: Start[] = [];
      for (let count = 0; count < (quick ? 1 : startsOfFull); count++)
        starts.push(await start(deployment, tier, calls[tier], subject));
      rows.push(...rowsOf(tier + how, starts, quick));
    }
    return rows;
  } finally {
    await deployment.close();
  }
}

/** Resolves when the moment that counts has come, with what is left to do after it. */
type Request = (subject: Subject, address: string) => Promise<(() => Promise<unknown>) | undefined>;

/** A request that each tier exists for; a document-worker takes none. */
const calls: Readonly<Record<ServiceName, Request | undefined>> = {
  web: async (_subject, address) => get(address),
  api: async ({ cookie }, address) => get(`${address}/v1/brains`, { cookie }),
  chat: async (subject, address) => firstToken({ ...subject, url: address }),
  vectorstore: search,
  'document-worker': undefined,
  // Of no bench: placed where it is wanted.
  embedding: undefined,
  governor: undefined,
};

/** Each on a connection of its own: the tenth must not be faster for want of one. */
async function get(url: string, headers: Record<string, string> = {}): Promise<undefined> {
  const [response] = await once(request(url, { headers, agent: false }).end(), 'response');
  await text(response);
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
}

interface Start {
  readonly readySeconds: number;
  /** In order. Empty: the tier takes no requests. */
  readonly timesMs: readonly number[];
}

async function start(
  deployment: ContainerDeployment,
  tier: ServiceName,
  ask: Request | undefined,
  subject: Subject,
): Promise<Start> {
  const before = performance.now();
  await deployment.replace(tier);
  const readySeconds = (performance.now() - before) / 1000;
  const address = await deployment.address(tier);
  const now = { ...subject, vectorstoreUrl: await deployment.address('vectorstore') };
  const timesMs: number[] = [];
  for (let count = 0; ask && count < requests; count++) {
    // Before the first as well: looking up addresses took the CPU.
    await sleep(restMs);
    const sent = performance.now();
    const rest = await ask(now, address);
    timesMs.push(performance.now() - sent);
    await rest?.();
  }
  return { readySeconds, timesMs };
}

function rowsOf(tier: string, starts: readonly Start[], quick: boolean): Row[] {
  const readySeconds = median(starts.map((each) => each.readySeconds));
  const name = `${tier}: from the start of its container to ready`;
  const ready = atMost(readySecondsMax, { row: 'D16', name, value: readySeconds, unit: 's' });
  if (starts[0]?.timesMs.length === 0) return [ready];
  const firstMs = median(starts.map(({ timesMs }) => timesMs[0] as number));
  const laterMs = median(starts.flatMap(({ timesMs }) => timesMs.slice(9)));
  const ratio: Figure = {
    row: 'D16',
    name: `${tier}: first request against the tenth`,
    value: firstMs / laterMs,
    unit: 'x',
  };
  return [
    ready,
    told(null, {
      row: 'D16',
      name: `${tier}: first request after ready, its baseline the tenth and later`,
      value: firstMs,
      unit: 'ms',
      baseline: laterMs,
    }),
    quick ? told('one start', ratio) : atMost(ratioMax, ratio),
  ];
}

const median = (values: readonly number[]) => quantiles(values).p50Ms;
