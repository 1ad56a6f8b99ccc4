/**
 * A schedule for each parser: pages of the built-in one wait for its children, pages of a provider's for its account, and
 * neither stands in the other's way. Probes are the built-in one's.
 */
import type { Schedulable, Scheduler, SchedulerSnapshot } from '../contract/grant.ts';
import { builtInParser, parserOf, type RemoteParserName } from '../parsers.ts';
import type { RedisScheduler } from './redis-scheduler.ts';

/** What decides who reads a document. */
export interface ReadBy {
  readonly tenantParser: string | null;
  readonly mediaType: string;
}

/** What a schedule is told of jobs, whichever it is. */
export interface JobSchedule extends Pick<Scheduler, 'remove' | 'position' | 'snapshot' | 'needsRebuild' | 'rebuilt'> {
  enqueue(job: Schedulable, by: ReadBy): Promise<void>;
  known(jobId: string): Promise<boolean>;
}

export class ParserSchedules implements JobSchedule {
  readonly #builtIn: RedisScheduler;
  readonly #remote: { readonly name: RemoteParserName; readonly schedule: RedisScheduler } | null;
  readonly #all: readonly RedisScheduler[];

  constructor(builtIn: RedisScheduler, remote: { name: RemoteParserName; schedule: RedisScheduler } | null) {
    this.#builtIn = builtIn;
    this.#remote = remote;
    this.#all = [builtIn, ...(remote ? [remote.schedule] : [])];
  }

  /** Where the job belongs now; it leaves the other. */
  async enqueue(job: Schedulable, { tenantParser, mediaType }: ReadBy): Promise<void> {
    const parser = parserOf(this.#remote?.name ?? null, tenantParser, mediaType);
    const paid = job.pagesLeft !== null && parser !== builtInParser;
    const target = paid && this.#remote ? this.#remote.schedule : this.#builtIn;
    for (const other of this.#all) if (other !== target) await other.remove(job.jobId);
    await target.enqueue(job);
  }

  async known(jobId: string): Promise<boolean> {
    for (const schedule of this.#all) if (await schedule.known(jobId)) return true;
    return false;
  }

  async remove(jobId: string): Promise<void> {
    for (const schedule of this.#all) await schedule.remove(jobId);
  }

  async position(jobId: string): Promise<number | null> {
    for (const schedule of this.#all) {
      const position = await schedule.position(jobId);
      if (position !== null) return position;
    }
    return null;
  }

  async snapshot(): Promise<SchedulerSnapshot> {
    const [first, ...others] = (await Promise.all(this.#all.map((schedule) => schedule.snapshot()))) as [
      SchedulerSnapshot,
      ...SchedulerSnapshot[],
    ];
    return others.reduce(sum, first);
  }

  async needsRebuild(): Promise<boolean> {
    for (const schedule of this.#all) if (await schedule.needsRebuild()) return true;
    return false;
  }

  async rebuilt(): Promise<void> {
    for (const schedule of this.#all) await schedule.rebuilt();
  }
}

const sum = (a: SchedulerSnapshot, b: SchedulerSnapshot): SchedulerSnapshot => ({
  bands: a.bands.map((band, index) => ({
    band: band.band,
    jobs: band.jobs + (b.bands[index]?.jobs ?? 0),
    pages: band.pages + (b.bands[index]?.pages ?? 0),
    oldestWaitMs: Math.max(band.oldestWaitMs, b.bands[index]?.oldestWaitMs ?? 0),
  })),
  probes: a.probes + b.probes,
  leases: a.leases + b.leases,
  pagesGranted: a.pagesGranted + b.pagesGranted,
});

/** Keys of a provider's schedule, in the slot of the built-in one, whose meters are the same. */
export const schedulePrefix = (parser: RemoteParserName): string => `{bulkhead:schedule}:${parser}`;
