/**
 * What the benches `constants` and `capacity` measure alike. A rate is told by second of the tier's own CPU: the callers,
 * PostgreSQL and Redis run on the same cores as what is measured, and a rate by the clock would be theirs as well.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Constants, committingSecondsOf, pageSecondsOf } from '../../../environments/capacity/model.ts';
import { optionOf, type Placement } from '../../../environments/schema/placement.ts';
import { definitionOf, type ServiceName } from '../../../services/manifest.ts';
import { reserveOf } from '../../../services/shared/slots/share.ts';
import type { ContainerDeployment } from '../../containers/deployment.ts';
import { type Subject, uploadHuge } from './calls.ts';
import { type LoadKind, startLoad } from './generator.ts';
import { memoryMiB } from './memory.ts';

/** Of the process since its start. */
export const cpuSeconds = async (deployment: ContainerDeployment, tier: ServiceName): Promise<number> =>
  (await deployment.metric(tier, 'process_cpu_seconds_total')) ?? Number.NaN;

/** In the logs of those tiers since they started. */
export async function errorLines(deployment: ContainerDeployment, tiers: readonly ServiceName[]): Promise<number> {
  const each = await Promise.all(tiers.map((tier) => deployment.metric(tier, 'error_lines_total')));
  return each.reduce<number>((sum, lines) => sum + (lines ?? Number.NaN), 0);
}

export interface Rate {
  /** By second of its CPU: what one vCPU carries when it has nothing to wait for. */
  readonly perVcpu: number;
  /** CPUs that it used meanwhile; well below its budget somebody else was the limit, and only `perVcpu` holds. */
  readonly cpus: number;
  /** By the clock. */
  readonly perSecond: number;
}

export const rateOf = (given: { done: number; seconds: number; cpuSeconds: number }): Rate => ({
  perSecond: given.done / given.seconds,
  perVcpu: given.done / given.cpuSeconds,
  cpus: given.cpuSeconds / given.seconds,
});

/**
 * CPU that a tier takes before it counts: V8 compiles what runs often in the first seconds of its CPU, and a small tier needs
 * long for these.
 */
const warmUpCpuSeconds = 5;
const warmUpMsMax = 40_000;

export async function rate(
  deployment: ContainerDeployment,
  tier: LoadKind,
  width: number,
  subject: Subject,
  durationMs: number,
): Promise<Rate> {
  const load = await startLoad(tier, width, subject);
  const cold = await cpuSeconds(deployment, tier);
  const warmBy = performance.now() + Math.min(warmUpMsMax, 2 * durationMs);
  while (performance.now() < warmBy && (await cpuSeconds(deployment, tier)) - cold < warmUpCpuSeconds) await sleep(500);
  const [doneBefore, before, start] = [await load.done(), await cpuSeconds(deployment, tier), performance.now()];
  await sleep(durationMs);
  const [done, used] = [(await load.done()) - doneBefore, (await cpuSeconds(deployment, tier)) - before];
  const seconds = (performance.now() - start) / 1000;
  await load.stop();
  return rateOf({ done, seconds, cpuSeconds: used });
}

/** All that the one tenant of a bench gets. */
export function slotsOfOne(chat: Placement): number {
  const slots = Number(optionOf(definitionOf('chat'), chat, 'slots'));
  return slots - reserveOf(slots);
}

export interface HugeDocument {
  readonly pages: number;
  /** After the first pages that were told: start and probe are not in it. */
  readonly parsedPages: number;
  readonly parsedSeconds: number;
  /** Of all pages, after the last was parsed. */
  readonly indexedSeconds: number;
  /** CPU seconds of it. */
  readonly indexCpu: { readonly worker: number; readonly vectorstore: number };
  readonly memoryMiB: number;
}

/** A manual of over 2,000 pages, alone. */
export async function hugeDocument(deployment: ContainerDeployment): Promise<HugeDocument> {
  const { owner } = deployment;
  const [job] = await uploadHuge(deployment, 1);
  const first = await owner.until(job as string, ({ progress }) => progress.pages_done > 0, 120_000);
  const start = performance.now();
  const last = await owner.until(job as string, ({ progress }) => progress.stage === 'indexing', 600_000);
  const parsedSeconds = (performance.now() - start) / 1000;
  const before = await indexCpu(deployment);
  const memory = async () => (await memoryMiB(deployment))['document-worker'] ?? Number.NaN;
  // While it is indexed: podman takes a second to tell.
  const parsing = memory();
  const done = await owner.finished(job as string, 600_000);
  const indexedSeconds = (performance.now() - start) / 1000 - parsedSeconds;
  const after = await indexCpu(deployment);
  return {
    pages: done.progress.pages_total as number,
    parsedPages: last.progress.pages_done - first.progress.pages_done,
    parsedSeconds,
    indexedSeconds,
    indexCpu: { worker: after.worker - before.worker, vectorstore: after.vectorstore - before.vectorstore },
    memoryMiB: Math.max(await parsing, await memory()),
  };
}

const indexCpu = async (deployment: ContainerDeployment) => ({
  worker: await cpuSeconds(deployment, 'document-worker'),
  vectorstore: await cpuSeconds(deployment, 'vectorstore'),
});

/** The model's seconds for the same: parsing of the pages that were timed, then indexing of all. */
export function predictedSeconds(
  { worker, vectorstore }: { readonly worker: Placement; readonly vectorstore: Placement },
  { pages, parsedPages }: Pick<HugeDocument, 'pages' | 'parsedPages'>,
  constants: Constants,
): { parsing: number; indexing: number } {
  const { parsing, indexing } = pageSecondsOf(worker, constants);
  return {
    parsing: parsedPages * parsing,
    indexing: pages * Math.max(indexing, committingSecondsOf(vectorstore, constants)),
  };
}
