/**
 * Does load on one tier leave the others' latency alone? The `bench` environment in containers with its limits, and as
 * the baseline all tiers in one container of the same total size, with chat inside the api's process. Latency of api and
 * chat while nothing else happens, and while
 * - `documents`: the document-worker reads manuals of over 2,000 pages,
 * - `chat`: 100 answers of 12 s, as a language model writes them, hold every slot, and more people ask; chat's health is
 *   asked for meanwhile,
 * - `flood`: the built-in answerer, which needs no model, answers all that chat's CPU is good for,
 * - `vectorstore`: more search than its CPU can serve.
 * Memory per replica is taken on the way, and at the end what chat adds to a model's first token.
 * ISOLATION_LOADS (chat,documents), ISOLATION_ROUNDS and ISOLATION_SECONDS of a state make a part of it, or more.
 */
import { bench } from '../../environments/bench.ts';
import type { EnvironmentInput } from '../../environments/environment.ts';
import { extractiveName } from '../../services/chat/answering/answerer.ts';
import { serviceNames } from '../../services/manifest.ts';
import { routes } from '../../services/shared/contract/routes.ts';
import { reserveOf } from '../../services/shared/slots/share.ts';
import { type ContainerDeployment, startContainers } from '../containers/deployment.ts';
import { eventually, lacksPodman } from '../containers/podman.ts';
import { lacksManuals } from '../flows/documents.ts';
import { firstTokens } from './isolation/first-token.ts';
import {
  type FirstTokens,
  type Full,
  firstTokenRows,
  healthRows,
  type Load,
  latencyRows,
  loadsOfFull,
  type Measured,
  memoryRows,
  type Probed,
  type Seen,
} from './isolation/rows.ts';
import { firstToken, listBrains, prepare, readManual, type Subject, uploadHuge } from './load/calls.ts';
import { startLoad } from './load/generator.ts';
import { watchHealth } from './load/health.ts';
import { memoryMiB } from './load/memory.ts';
import { slow, withModel } from './load/model.ts';
import { findNeighbours, type Neighbours } from './load/neighbours.ts';
import { type Latencies, prioritize, probe, saturate } from './load/probe.ts';
import type { Row } from './report/rows.ts';

/** The one tenant of a bench gets 100 of them: B8. */
const slots = 115;
const inFlight = slots - reserveOf(slots);
const environment: EnvironmentInput = {
  ...bench,
  tiers: { ...bench.tiers, chat: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, slots } },
};

/** Of 12 s, and with as long to the first word as a provider's model takes (seed: 0.3 to 0.4 s). */
const pace = { ...slow, firstWordMs: 300 };

/** Idle and loaded take turns, so that a machine that changes meets them all; the calls of all rounds count together. */
const roundsOfFull = 5;
/** The baseline is off by factors. */
const roundsOfBaseline = 2;

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const lacks = lacksPodman ?? lacksManuals;
  if (lacks) throw new Error(`bench isolation cannot run: ${lacks}`);
  const neighbours = await findNeighbours();
  const { ISOLATION_LOADS, ISOLATION_ROUNDS, ISOLATION_SECONDS } = process.env;
  const plan: Plan = quick
    ? { loads: ['documents'], rounds: 1, durationMs: 5000, neighbours }
    : {
        loads: loadsOfFull.filter((load) => !ISOLATION_LOADS || ISOLATION_LOADS.split(',').includes(load)),
        rounds: Number(ISOLATION_ROUNDS ?? roundsOfFull),
        durationMs: 1000 * Number(ISOLATION_SECONDS ?? 20),
        neighbours,
      };
  prioritize();
  const [apart, together] = await withModel(environment, pace, async (input) => [
    await measure(input, plan, false),
    quick ? undefined : await measure(input, { ...plan, rounds: Math.min(plan.rounds, roundsOfBaseline) }, true),
  ]);
  return [
    ...latencyRows(plan.loads, apart, together, quick),
    ...(apart.firstTokens ? firstTokenRows(apart.firstTokens) : []),
    ...(apart.full ? healthRows(apart.full) : []),
    ...memoryRows(apart),
  ];
}

interface Plan {
  readonly loads: readonly Load[];
  readonly rounds: number;
  readonly durationMs: number;
  readonly neighbours: Neighbours;
}

interface All extends Measured {
  readonly firstTokens?: FirstTokens;
  readonly full?: Full;
}

async function measure(
  input: EnvironmentInput,
  { loads, rounds, durationMs, neighbours }: Plan,
  together: boolean,
): Promise<All> {
  const deployment = await startContainers(input, { together });
  try {
    const idleMemory = await memoryMiB(deployment);
    const subject = await prepare(deployment, extractiveName);
    const asked = await prepare(deployment);
    const probeBoth = async (ms: number, withChat: boolean) => {
      const [api, chat] = await Promise.all([
        probe(() => listBrains(subject), { everyMs: 50, durationMs: ms, neighbours }),
        withChat ? probe(() => firstToken(subject), { everyMs: 250, durationMs: ms, neighbours }) : undefined,
      ]);
      return { api, ...(chat && { chat, answer: chat.whole }) };
    };
    // The first calls compile code; they are nobody's latency.
    await probeBoth(durationMs / 2, true);
    const seen: Seen = {};
    let loadMemory = idleMemory;
    const started = await startTimes(deployment);
    const full = { timesMs: [] as number[], failed: 0, seconds: 0 };
    for (let round = 0; round < rounds; round++) {
      add(seen, 'idle', await probeBoth(durationMs, true));
      for (const load of loads) {
        const stop = await start(load, deployment, load === 'chat' ? asked : subject);
        const health = load === 'chat' ? watchHealth(await deployment.address('chat')) : undefined;
        // Chat has no free slot while it is saturated: its own latency then means nothing.
        add(seen, load, await probeBoth(durationMs, load !== 'chat' && load !== 'flood'));
        if (health) {
          const { timesMs, failed } = await health.stop();
          full.timesMs.push(...timesMs);
          full.failed += failed;
          full.seconds += durationMs / 1000;
        }
        const now = await memoryMiB(deployment);
        loadMemory = Object.fromEntries(
          Object.entries(now).map(([name, mib]) => [name, Math.max(mib, loadMemory[name] ?? mib)]),
        );
        await stop();
      }
    }
    const restarted = (await startTimes(deployment)).filter((time, at) => time !== started[at]).length;
    const modelUrl = input.chatModel?.url.replace(/\/\/[^:]+/, '//127.0.0.1') ?? '';
    const calls = Math.ceil(durationMs / 250);
    return {
      latencies: seen,
      memory: memoryOf(deployment, idleMemory, loadMemory),
      ...(loads.includes('chat') && { full: { ...full, restarted } }),
      ...(!together && { firstTokens: await firstTokens(asked, modelUrl, { calls, neighbours }) }),
    };
  } finally {
    await deployment.close();
  }
}

const startTimes = ({ compose, metric }: ContainerDeployment) =>
  Promise.all(
    serviceNames.filter((name) => compose.services[name]).map((name) => metric(name, 'process_start_time_seconds')),
  );

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
    const { stop } = await startLoad('chat', askersCount[load], subject);
    if (load === 'chat') await eventually(() => answersInFlight(deployment, inFlight), 30_000);
    return async () => {
      await stop();
      // An answer that nobody reads any more goes on for 10 s.
      await eventually(() => answersInFlight(deployment, 0), 60_000);
    };
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

/** More than slots; those of the flood want to be answered, not to fill them. */
const askersCount = { chat: 120, flood: 40 } as const;

async function answersInFlight(deployment: ContainerDeployment, count: number): Promise<void> {
  const now = await deployment.metric('chat', 'chat_inflight');
  if (now !== count) throw new Error(`${now} answers are in flight, not yet ${count}`);
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
