/**
 * The `grant` call: a worker with free slots asks "what next?", and one Redis script picks the pages and takes the
 * tokens for them. Workers never race for tokens, and nothing is queued anywhere else.
 *
 * A grant is a lease with a fencing epoch. It expires unless it is renewed; then its pages are granted again under a
 * higher epoch, and a checkpoint of the old one is refused by PostgreSQL.
 */
import type { bands } from './job.ts';

/** `probe` looks at type and page count: no tokens, always first. `parse` reads pages. */
export type WorkKind = 'probe' | 'parse';

/** Pages of one grant of the local parser: about 0.2 s of work, and one checkpoint object. */
export const grantPagesMax = 50;
/** Time until a grant that is not renewed is given to another worker. Three renewals may be missed. */
export const leaseMs = 40_000;
export const renewEveryMs = 10_000;
/** A page lost so often is given up. Once may be anybody's fault; the second and third time it was read apart. */
export const lostMax = 3;
/** A document that ended so many workers is given up as a whole: each costs everybody there their grants. */
export const blamedMax = 5;

export interface GrantRequest {
  readonly worker: string;
  /** Kinds this worker does, in the order it prefers them. */
  readonly kinds: readonly WorkKind[];
  readonly slots: number;
  /**
   * Slots that hold other leases than {@link Lease.light} ones. All but one may: the last is kept for the light lane,
   * however long heavy documents take, and whatever else is under way heavy ones get theirs.
   */
  readonly heavySlots: number;
}

export interface Lease {
  readonly id: string;
  readonly kind: WorkKind;
  readonly jobId: string;
  readonly tenantId: string;
  /** Fence: higher than that of every earlier lease of this job. */
  readonly epoch: number;
  /** Leases of this job below it are void. The holder raises `jobs.epoch` to it before it starts. */
  readonly fence: number;
  /** 1-based numbers, ascending, at most {@link grantPagesMax}; empty for a probe. */
  readonly pages: readonly number[];
  /** Of the light lane when it was given; a probe always is. */
  readonly light: boolean;
  /** How often these pages, or this probe, were granted before and lost: their worker died or stood still. */
  readonly lost: number;
  /** How often that happened while pages of this job were under such suspicion, and alone under it. */
  readonly blamed: number;
  /** Taken from the meter of the parser's account; 0 for the local parser. */
  readonly tokens: number;
  readonly expiresAtMs: number;
}

/** Work, or how long to sleep until there may be some. */
export type Grant = { readonly lease: Lease } | { readonly sleepMs: number };

/** A job as the scheduler needs to know it. Everything here can be rebuilt from PostgreSQL. */
export interface Schedulable {
  readonly jobId: string;
  readonly tenantId: string;
  /** Null before the probe. */
  readonly pagesLeft: readonly number[] | null;
  readonly enqueuedAtMs: number;
  /**
   * The highest epoch that PostgreSQL knows of the job, so that new leases stand above it also after Redis was wiped or
   * its clock set back; absent for a new job.
   */
  readonly epoch?: number;
}

export interface Scheduler {
  /** Makes a job known, or replaces what is known of it. Leases under way are kept. */
  enqueue(job: Schedulable): Promise<void>;
  grant(request: GrantRequest): Promise<Grant>;
  /** False: the lease is lost; stop the work, its checkpoint would be refused. */
  renew(lease: Lease): Promise<boolean>;
  /** Ends a lease. Pages not in `done` are granted again. */
  complete(lease: Lease, done: readonly number[]): Promise<void>;
  /** Forgets a job: finished, canceled or failed. */
  remove(jobId: string): Promise<void>;
  /** Pages granted and waiting per band, oldest wait, leases: for metrics and the operations page. */
  snapshot(): Promise<SchedulerSnapshot>;
  /** Grants of pages under way, the first 200. */
  held(): Promise<HeldPages[]>;
  /** True when Redis was wiped since the last {@link rebuilt}: enqueue every unfinished job, then say so. */
  needsRebuild(): Promise<boolean>;
  rebuilt(): Promise<void>;
}

export interface SchedulerSnapshot {
  readonly bands: readonly {
    readonly band: (typeof bands)[number];
    readonly jobs: number;
    readonly pages: number;
    readonly oldestWaitMs: number;
  }[];
  readonly probes: number;
  readonly leases: number;
  readonly pagesGranted: number;
}

export interface HeldPages {
  readonly tenantId: string;
  /** Where the rest of the document would wait. */
  readonly band: (typeof bands)[number];
  readonly pages: number;
}
