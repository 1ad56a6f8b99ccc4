/**
 * A schedule for each parser: pages of the built-in one wait for its children, pages of a provider's for its account, and
 * neither stands in the other's way. Probes are the built-in one's.
 */
import type { HeldPages, Schedulable, Scheduler, SchedulerSnapshot } from '../contract/grant.ts';
import { builtInParser, parserOf, type RemoteParserName } from '../parsers.ts';
import { remembered } from '../remembered.ts';
import { type Estimate, estimateOf, newcomer } from './estimate.ts';
import type { Outlook } from './outlook.ts';
import type { RedisScheduler } from './redis-scheduler.ts';

/** What decides who reads a document. */
export interface ReadBy {
  readonly tenantParser: string | null;
  readonly mediaType: string;
}

/** What a schedule is told of jobs, whichever it is. */
export interface JobSchedule extends Pick<Scheduler, 'remove' | 'snapshot' | 'held' | 'needsRebuild' | 'rebuilt'> {
  enqueue(job: Schedulable, by: ReadBy): Promise<void>;
  known(jobId: string): Promise<boolean>;
}

/** What waits for whom, for those who ask when a job is done. */
export interface JobEstimates {
  /** Null: no schedule has it. */
  estimate(jobId: string): Promise<Scheduled | null>;
  /** Of a job that is in no schedule yet, as if it came now. */
  estimateNew(job: { readonly tenantId: string; readonly pages: number }, by: ReadBy): Promise<Estimate | null>;
}

export interface Scheduled {
  /** None of its pages is under way. */
  readonly waits: boolean;
  /** Jobs of its tenant that go first. */
  readonly jobsAhead: number;
  /** Null: its pages or the speed are not known. */
  readonly estimate: Estimate | null;
}

/** An outlook serves all who ask within this time. */
const outlookMs = 1000;

export class ParserSchedules implements JobSchedule, JobEstimates {
  readonly #builtIn: RedisScheduler;
  readonly #remote: { readonly name: RemoteParserName; readonly schedule: RedisScheduler } | null;
  readonly #all: readonly RedisScheduler[];
  readonly #outlooks: ReadonlyMap<RedisScheduler, () => Promise<Outlook>>;

  constructor(builtIn: RedisScheduler, remote: { name: RemoteParserName; schedule: RedisScheduler } | null) {
    this.#builtIn = builtIn;
    this.#remote = remote;
    this.#all = [builtIn, ...(remote ? [remote.schedule] : [])];
    this.#outlooks = new Map(this.#all.map((schedule) => [schedule, remembered(outlookMs, () => schedule.outlook())]));
  }

  /** Where the job belongs now; it leaves the other. */
  async enqueue(job: Schedulable, by: ReadBy): Promise<void> {
    const target = job.pagesLeft === null ? this.#builtIn : this.#scheduleOf(by);
    for (const other of this.#all) if (other !== target) await other.remove(job.jobId);
    await target.enqueue(job);
  }

  #scheduleOf({ tenantParser, mediaType }: ReadBy): RedisScheduler {
    const parser = parserOf(this.#remote?.name ?? null, tenantParser, mediaType);
    return parser !== builtInParser && this.#remote ? this.#remote.schedule : this.#builtIn;
  }

  async known(jobId: string): Promise<boolean> {
    for (const schedule of this.#all) if (await schedule.known(jobId)) return true;
    return false;
  }

  async remove(jobId: string): Promise<void> {
    for (const schedule of this.#all) await schedule.remove(jobId);
  }

  async estimate(jobId: string): Promise<Scheduled | null> {
    for (const schedule of this.#all) {
      const place = await schedule.place(jobId);
      if (!place) continue;
      const estimate = place.kind === 'parse' ? estimateOf(place, await this.#outlook(schedule)) : null;
      return {
        waits: place.waiting && place.pagesHeld === 0,
        jobsAhead: place.jobsAhead,
        estimate,
      };
    }
    return null;
  }

  async estimateNew({ tenantId, pages }: { tenantId: string; pages: number }, by: ReadBy): Promise<Estimate | null> {
    const outlook = await this.#outlook(this.#scheduleOf(by));
    return estimateOf(newcomer(tenantId, pages, outlook), outlook);
  }

  #outlook(schedule: RedisScheduler): Promise<Outlook> {
    return this.#outlooks.get(schedule)?.() ?? schedule.outlook();
  }

  async snapshot(): Promise<SchedulerSnapshot> {
    const [first, ...others] = (await Promise.all(this.#all.map((schedule) => schedule.snapshot()))) as [
      SchedulerSnapshot,
      ...SchedulerSnapshot[],
    ];
    return others.reduce(sum, first);
  }

  async held(): Promise<HeldPages[]> {
    return (await Promise.all(this.#all.map((schedule) => schedule.held()))).flat();
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
