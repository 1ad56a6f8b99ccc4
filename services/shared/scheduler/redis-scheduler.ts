/** The {@link Scheduler} on Redis: every call is one run of one script, whose parts lie in lua/. */
import type { Redis } from 'ioredis';
import type {
  Grant,
  GrantRequest,
  HeldPages,
  Lease,
  Schedulable,
  Scheduler,
  SchedulerSnapshot,
} from '../contract/grant.ts';
import { grantPagesMax, leaseMs } from '../contract/grant.ts';
import { bands as bandsOf } from '../contract/job.ts';
import { limitsOf, type MeteredAccount } from './meters.ts';
import type { Arrived, Outlook, Place } from './outlook.ts';
import { formatPages, parsePages } from './page-ranges.ts';
import { runScript, type ScriptPlace } from './script.ts';

export interface RedisSchedulerOptions extends ScriptPlace {
  /** Pages of one grant. @default grantPagesMax */
  readonly pagesPerGrant?: number;
  /** @default leaseMs */
  readonly leaseMs?: number;
  /** Whose meter a grant of pages is taken from: it is one request there. @default none */
  readonly account?: MeteredAccount;
}

export class RedisScheduler implements Scheduler {
  readonly #redis: Redis;
  readonly #place: ScriptPlace;
  readonly #pagesPerGrant: number;
  readonly #leaseMs: number;
  readonly #account: MeteredAccount | undefined;

  /** @param redis stays the caller's: it opens and closes it. */
  constructor(redis: Redis, options: RedisSchedulerOptions = {}) {
    this.#redis = redis;
    this.#place = options;
    this.#pagesPerGrant = options.pagesPerGrant ?? grantPagesMax;
    this.#leaseMs = options.leaseMs ?? leaseMs;
    this.#account = options.account;
  }

  async enqueue({ jobId, tenantId, pagesLeft, enqueuedAtMs, epoch = 0 }: Schedulable): Promise<void> {
    const pages = pagesLeft ? formatPages(pagesLeft) : 'probe';
    await this.#run('enqueue', jobId, tenantId, Math.floor(enqueuedAtMs), pages, epoch);
  }

  async grant({ worker, kinds, slots, heavySlots }: GrantRequest): Promise<Grant> {
    const answer = await this.#run(
      'grant',
      worker,
      kinds.join(','),
      heavySlots,
      slots,
      this.#pagesPerGrant,
      this.#leaseMs,
      this.#account?.name ?? '',
      limitsOf(this.#account ?? { name: '' }),
    );
    const { sleepMs, ...lease } = JSON.parse(String(answer)) as GrantAnswer;
    if (sleepMs !== undefined) return { sleepMs };
    return { lease: { ...lease, pages: parsePages(lease.pages) } };
  }

  async renew(lease: Lease): Promise<boolean> {
    return (await this.#run('renew', lease.id, this.#leaseMs)) === 1;
  }

  async complete(lease: Lease, done: readonly number[]): Promise<void> {
    await this.#run('complete', lease.id, lease.jobId, formatPages(done));
  }

  async remove(jobId: string): Promise<void> {
    await this.#run('remove', jobId);
  }

  async place(jobId: string): Promise<Place | null> {
    const answer = await this.#run('place', jobId);
    return answer === null ? null : (JSON.parse(String(answer)) as Place);
  }

  async outlook(): Promise<Outlook> {
    const { bands, limits, ...rest } = JSON.parse(String(await this.#run('outlook'))) as OutlookAnswer;
    const [requests = 0, pages = 0] = limits.split(',').map(Number);
    return {
      ...rest,
      requestsPerMinute: requests || null,
      pagesPerMinute: pages || null,
      bands: bands.map(({ backlog: fields, arrived }) => {
        const backlog = backlogOf(fields);
        return { arrived, backlog, sorted: [...backlog.values()].sort((a, b) => a - b) };
      }),
    };
  }

  async snapshot(): Promise<SchedulerSnapshot> {
    const { bands, ...rest } = JSON.parse(String(await this.#run('snapshot'))) as SnapshotAnswer;
    return {
      bands: bandsOf.map((band, index) => ({ band, ...(bands[index] as BandAnswer) })),
      ...rest,
    };
  }

  async held(): Promise<HeldPages[]> {
    const { held = [] } = JSON.parse(String(await this.#run('held'))) as { held?: HeldAnswer[] };
    return held.map((one) => ({ ...one, band: bandsOf[one.band - 1] as HeldPages['band'] }));
  }

  async needsRebuild(): Promise<boolean> {
    return (await this.#run('needsRebuild')) === 1;
  }

  async rebuilt(): Promise<void> {
    await this.#run('rebuilt');
  }

  /** Whether the scheduler has the job: waiting or leased. False for a job whose enqueue was lost. */
  async known(jobId: string): Promise<boolean> {
    return (await this.#run('known', jobId)) === 1;
  }

  #run(operation: string, ...parameters: (string | number)[]): Promise<unknown> {
    return runScript(this.#redis, this.#place, operation, ...parameters);
  }
}

/** Names and pages in turn; an empty table of Lua is an object. */
function backlogOf(fields: readonly string[] | object): Map<string, number> {
  const backlog = new Map<string, number>();
  if (Array.isArray(fields))
    for (let at = 0; at < fields.length; at += 2) backlog.set(fields[at], Number(fields[at + 1]));
  return backlog;
}

type OutlookAnswer = Omit<Outlook, 'bands' | 'requestsPerMinute' | 'pagesPerMinute'> & {
  readonly limits: string;
  readonly bands: readonly { readonly backlog: readonly string[] | object; readonly arrived: Arrived }[];
};
type GrantAnswer = Omit<Lease, 'pages'> & { pages: string; sleepMs?: number };
type BandAnswer = Omit<SchedulerSnapshot['bands'][number], 'band'>;
type HeldAnswer = Omit<HeldPages, 'band'> & { band: number };
type SnapshotAnswer = Omit<SchedulerSnapshot, 'bands'> & { bands: BandAnswer[] };
