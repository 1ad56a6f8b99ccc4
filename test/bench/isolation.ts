/**
 * Does load on one tier leave the others' latency alone? The `bench` environment in containers with its limits, and as
 * the baseline all tiers in one container of the same total size. Latency of api and chat while nothing else happens,
 * and while
 * - `documents`: the document-worker reads manuals of over 2,000 pages,
 * - `chat`: answers of 12 s, as a language model writes them, hold every slot, and more people ask,
 * - `flood`: the built-in answerer, which needs no model, answers all that chat's CPU is good for,
 * - `vectorstore`: more search than its CPU can serve.
 * Memory per replica is taken on the way.
 */
import { availableParallelism } from 'node:os';
import { bench } from '../../environments/bench.ts';
import type { EnvironmentInput } from '../../environments/environment.ts';
import { extractiveName } from '../../services/chat/answering/answerer.ts';
import { routes } from '../../services/shared/contract/routes.ts';
import { reserveOf } from '../../services/shared/slots/share.ts';
import { type ContainerDeployment, startContainers } from '../containers/deployment.ts';
import { eventually, lacksPodman } from '../containers/podman.ts';
import { lacksManuals } from '../flows/documents.ts';
import { firstToken, listBrains, prepare, readManual, type Subject, uploadHuge } from './load/calls.ts';
import { startLoad } from './load/generator.ts';
import { memoryMiB } from './load/memory.ts';
import { slow, withModel } from './load/model.ts';
import { findNeighbours, type Neighbours } from './load/neighbours.ts';
import { type Latencies, prioritize, probe, quantiles, saturate } from './load/probe.ts';
import { atMost, type Calls, type Row, setAsideRow, setAsideShare, told } from './report/rows.ts';

/** D14: a quantile under foreign load against the same at idle. */
const ratioMax = 1.2;
/** Idle and loaded take turns, so that a machine that changes meets them all; the calls of all rounds count together. */
const roundsOfFull = 5;
/** The baseline is off by factors. */
const roundsOfBaseline = 2;

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const lacks = lacksPodman ?? lacksManuals;
  if (lacks) throw new Error(`bench isolation cannot run: ${lacks}`);
  const neighbours = await findNeighbours();
  const plan: Plan = quick
    ? { loads: ['documents'], rounds: 1, durationMs: 5000, neighbours }
    : { loads: ['documents', 'chat', 'flood', 'vectorstore'], rounds: roundsOfFull, durationMs: 20_000, neighbours };
  prioritize();
  const [apart, together] = await withModel(bench, slow, async (environment) => [
    await measure(environment, plan, false),
    quick ? undefined : await measure(environment, { ...plan, rounds: roundsOfBaseline }, true),
  ]);
  return [...latencyRows(plan.loads, apart, together, quick), ...memoryRows(apart)];
}

interface Plan {
  readonly loads: readonly Load[];
  readonly rounds: number;
  readonly durationMs: number;
  readonly neighbours: Neighbours;
}
type Load = 'documents' | 'chat' | 'flood' | 'vectorstore';
type Probed = 'api' | 'chat';

const wordsOf: Readonly<Record<Load, string>> = {
  documents: 'documents saturated',
  chat: 'all slots of chat taken',
  flood: 'chat flooded',
  vectorstore: 'vectorstore saturated',
};

/**
 * Fewer cannot hold what one call passes (gateway, api, PostgreSQL, Redis), the loaded tier and the load itself: who wakes up
 * behind another waits for the kernel's next tick, up to 4 ms. That is told, not held: the last percent of the calls, and
 * the flood, for which PostgreSQL works too, within its own budget.
 */
const cpusMin = 4;
const tooFewCpus = availableParallelism() < cpusMin ? `${availableParallelism()} CPUs for all` : null;

export interface Measured {
  readonly latencies: Seen;
  /** MiB by container, at idle and the most seen under load. */
  readonly memory: Readonly<Record<string, { readonly idle: number; readonly load: number; readonly budget: number }>>;
}

/** What the calls of all rounds saw, by state and probed tier. */
type Seen = Record<string, Partial<Record<Probed, Latencies>>>;

async function measure(
  environment: EnvironmentInput,
  { loads, rounds, durationMs, neighbours }: Plan,
  together: boolean,
): Promise<Measured> {
  const deployment = await startContainers(environment, { together });
  try {
    const idleMemory = await memoryMiB(deployment);
    const subject = await prepare(deployment, extractiveName);
    const asked = await prepare(deployment);
    const probeBoth = async (ms: number, withChat: boolean) => {
      const [api, chat] = await Promise.all([
        probe(() => listBrains(subject), { everyMs: 50, durationMs: ms, neighbours }),
        withChat ? probe(() => firstToken(subject), { everyMs: 250, durationMs: ms, neighbours }) : undefined,
      ]);
      return { api, ...(chat && { chat }) };
    };
    // The first calls compile code; they are nobody's latency.
    await probeBoth(durationMs / 2, true);
    const seen: Seen = {};
    let loadMemory = idleMemory;
    for (let round = 0; round < rounds; round++) {
      add(seen, 'idle', await probeBoth(durationMs, true));
      for (const load of loads) {
        const stop = await start(load, deployment, load === 'chat' ? asked : subject);
        // Chat has no free slot while it is saturated: its own latency then means nothing.
        add(seen, load, await probeBoth(durationMs, load !== 'chat' && load !== 'flood'));
        const now = await memoryMiB(deployment);
        loadMemory = Object.fromEntries(
          Object.entries(now).map(([name, mib]) => [name, Math.max(mib, loadMemory[name] ?? mib)]),
        );
        await stop();
      }
    }
    return { latencies: seen, memory: memoryOf(deployment, idleMemory, loadMemory) };
  } finally {
    await deployment.close();
  }
}

function add(seen: Seen, state: string, probes: Partial<Record<Probed, Latencies>>): void {
  seen[state] ??= {};
  for (const [probed, now] of Object.entries(probes) as [Probed, Latencies][]) {
    const { timesMs, disturbed, failed } = seen[state][probed] ?? { timesMs: [], disturbed: 0, failed: 0 };
    seen[state][probed] = {
      timesMs: [...timesMs, ...now.timesMs],
      disturbed: disturbed + now.disturbed,
      failed: failed + now.failed,
    };
  }
}

async function start(load: Load, deployment: ContainerDeployment, subject: Subject): Promise<() => Promise<unknown>> {
  const { owner } = deployment;
  if (load === 'vectorstore') return (await startLoad(load, 16, subject)).stop;
  if (load !== 'documents') {
    const { stop } = await startLoad('chat', askersCount, subject);
    if (load === 'chat') await eventually(() => allSlotsTaken(deployment), 30_000);
    return stop;
  }
  const jobs = await uploadHuge(deployment, 3);
  await owner.until(jobs[0] as string, ({ progress }) => progress.pages_done > 0);
  // The manuals are read all the time; small ones between them are indexed all the time too.
  const brain = (await owner.call(routes.createBrain, { body: { name: 'small manuals' } })).id;
  const small = saturate(1, () => readManual(deployment, brain));
  return async () => {
    await small.stop();
    for (const job of jobs) await owner.call(routes.cancelJob, { params: { job } }).catch(() => {});
    for (const job of jobs) await owner.finished(job, 120_000);
  };
}

/** More than slots. */
const askersCount = 40;

async function allSlotsTaken(deployment: ContainerDeployment): Promise<void> {
  const [slots, inFlight] = [
    await deployment.metric('chat', 'chat_slots'),
    await deployment.metric('chat', 'chat_inflight'),
  ];
  // All that the one tenant of a bench gets.
  if (!slots || inFlight !== slots - reserveOf(slots)) throw new Error(`${inFlight} of ${slots} slots are taken`);
}

function memoryOf(
  { compose }: ContainerDeployment,
  idle: Readonly<Record<string, number>>,
  load: Readonly<Record<string, number>>,
): Measured['memory'] {
  return Object.fromEntries(
    Object.keys(load).map((name) => [
      name,
      {
        idle: idle[name] ?? Number.NaN,
        load: load[name] ?? Number.NaN,
        budget: Number.parseInt(compose.services[name]?.mem_limit ?? '', 10),
      },
    ]),
  );
}

const quantilesTold = [
  ['p50Ms', 'median'],
  ['p95Ms', 'p95'],
  ['p99Ms', 'p99'],
] as const;

const probedTiers = ['api', 'chat'] as const;

export function latencyRows(
  loads: readonly Load[],
  apart: Measured,
  together: Measured | undefined,
  quick: boolean,
): Row[] {
  const absolute = probedTiers.flatMap((probed) =>
    ['idle', ...loads].flatMap((state) => {
      const own = apart.latencies[state]?.[probed];
      if (!own) return [];
      const other = together?.latencies[state]?.[probed];
      const what = probed === 'api' ? 'simple api call' : 'first token of chat';
      const under = state === 'idle' ? 'idle' : wordsOf[state as Load];
      const fault = own.failed > 0 ? `${own.failed} calls failed` : null;
      return quantilesTold.map(([quantile, words]) =>
        told(
          null,
          {
            row: 'D14',
            name: `${what}, ${under}: ${words}`,
            value: quantiles(own.timesMs)[quantile],
            unit: 'ms',
            baseline: other ? quantiles(other.timesMs)[quantile] : null,
          },
          fault,
        ),
      );
    }),
  );
  const ratios = probedTiers.flatMap((probed) =>
    loads.flatMap((load) =>
      apart.latencies[load]?.[probed]
        ? quantilesTold.map(([quantile, words]) => ratioRow({ probed, load, quantile, words }, apart, together, quick))
        : [],
    ),
  );
  // Agents of the machine run for some milliseconds in every second, which is where a 99th percentile looks.
  const setAside = setAsideRow(
    {
      row: 'D14',
      name: 'calls set aside: something else ran on this machine',
      baseline: together ? 100 * setAsideShare(allCalls(together)) : null,
    },
    allCalls(apart),
  );
  return [...absolute, ...ratios, setAside];
}

interface Ratio {
  readonly probed: Probed;
  readonly load: Load;
  readonly quantile: keyof ReturnType<typeof quantiles>;
  readonly words: string;
}

function ratioRow(
  { probed, load, quantile, words }: Ratio,
  apart: Measured,
  together: Measured | undefined,
  quick: boolean,
): Row {
  const seen = ({ latencies }: Measured) => [latencies[load]?.[probed], latencies.idle?.[probed]];
  const ratio = (measured: Measured) => {
    const [loaded, idle] = seen(measured).map((calls) => quantiles(calls?.timesMs ?? [])[quantile]);
    return (loaded as number) / (idle as number);
  };
  const figure = {
    row: 'D14',
    name: `${words} of ${probed}, ${wordsOf[load]} against idle`,
    value: ratio(apart),
    unit: 'x',
    baseline: together ? ratio(together) : null,
  };
  // A search is part of an answer: chat behind a saturated vectorstore waits for it.
  const caller = probed === 'chat' && load === 'vectorstore';
  const hard = load === 'flood' || quantile === 'p99Ms';
  const why = caller ? 'chat calls it' : quick ? 'too few calls to judge' : hard ? tooFewCpus : null;
  const calls = seen(apart).flatMap((each) => (each ? [countsOf(each)] : []));
  return why === null ? atMost(ratioMax, figure, calls) : told(why, figure);
}

const countsOf = ({ timesMs, disturbed }: Latencies): Calls => ({ counted: timesMs.length, setAside: disturbed });
const allCalls = ({ latencies }: Measured): Calls[] =>
  Object.values(latencies).flatMap((probes) => Object.values(probes).map(countsOf));

export function memoryRows({ memory }: Measured): Row[] {
  return Object.entries(memory).flatMap(([name, { idle, load, budget }]) => [
    atMost(budget, { row: 'B13', unit: 'MiB', name: `memory of ${name}, idle`, value: idle }),
    atMost(budget, { row: 'B13', unit: 'MiB', name: `memory of ${name}, most under load`, value: load }),
  ]);
}
