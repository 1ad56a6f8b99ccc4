/**
 * What the benches `constants` and `capacity` measure alike. A rate is told by second of the tier's own CPU: the callers,
 * PostgreSQL and Redis run on the same cores as what is measured, and a rate by the clock would be theirs as well.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Constants, pageSecondsOf } from '../../../environments/capacity/model.ts';
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

export interface Rate {
  /** By second of its CPU: what one vCPU carries when it has nothing to wait for. */
  readonly perVcpu: number;
  /** CPUs that it used meanwhile; well below its budget somebody else was the limit, and only `perVcpu` holds. */
  readonly cpus: number;
}

export const rateOf = (given: { done: number; seconds: number; cpuSeconds: number }): Rate => ({
  perVcpu: given.done / given.cpuSeconds,
  cpus: given.cpuSeconds / given.seconds,
});

export async function rate(
  deployment: ContainerDeployment,
  tier: LoadKind,
  width: number,
  subject: Subject,
  durationMs: number,
): Promise<Rate> {
  const load = await startLoad(tier, width, subject);
  const [before, start] = [await cpuSeconds(deployment, tier), performance.now()];
  await sleep(durationMs);
  const [used, seconds] = [(await cpuSeconds(deployment, tier)) - before, (performance.now() - start) / 1000];
  const { done } = await load.stop();
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
  const memory = async () => (await memoryMiB(deployment))['document-worker'] ?? Number.NaN;
  const parsing = await memory();
  const done = await owner.finished(job as string, 600_000);
  return {
    pages: done.progress.pages_total as number,
    parsedPages: last.progress.pages_done - first.progress.pages_done,
    parsedSeconds,
    indexedSeconds: (performance.now() - start) / 1000 - parsedSeconds,
    memoryMiB: Math.max(parsing, await memory()),
  };
}

/** The model's seconds for the same: parsing of the pages that were timed, then indexing of all. */
export function predictedSeconds(
  worker: Placement,
  { pages, parsedPages }: Pick<HugeDocument, 'pages' | 'parsedPages'>,
  constants: Constants,
): { parsing: number; indexing: number } {
  const { parsing, indexing } = pageSecondsOf(worker, constants);
  return { parsing: parsedPages * parsing, indexing: pages * indexing };
}
