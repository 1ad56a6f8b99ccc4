/** The scheduler itself, in a real Redis, with the time of the trace: a day is played in a minute. */
import type { Redis } from 'ioredis';
import type { Lease } from '../../../services/shared/contract/grant.ts';
import type { MeteredAccount } from '../../../services/shared/scheduler/meters.ts';
import { RedisScheduler } from '../../../services/shared/scheduler/redis-scheduler.ts';
import type { Responses } from './baselines.ts';
import type { Upload } from './traces.ts';

export interface Played {
  readonly responses: Responses;
  /** The most pages that reached the provider in any 60 s. */
  readonly mostInAMinute: number;
}

/** More than are ever under way: the account is the bottleneck, not the workers. */
const slotsMax = 64;

export interface PlayOptions {
  /** @default none: the slots are the bottleneck */
  readonly account?: MeteredAccount;
  readonly slots?: number;
  /** @default 1 */
  readonly pagesPerGrant?: number;
  /** Whether a slot is kept for light documents. @default true */
  readonly keepsSlot?: boolean;
  readonly pageMs: number | ((lease: Lease) => number);
  /** The run ends when it is done. */
  readonly until?: string;
  /** Asked right after an upload. */
  readonly uploaded?: (scheduler: RedisScheduler, id: string) => Promise<void>;
}

/** Whenever that is: times of a trace count from here. */
const startMs = 1_800_000_000_000;

export async function playScheduler(
  redis: Redis,
  uploads: readonly Upload[],
  { account, slots = slotsMax, keepsSlot = true, pagesPerGrant = 1, pageMs, until, uploaded }: PlayOptions,
): Promise<Played> {
  await redis.flushdb();
  let nowMs = startMs;
  const scheduler = new RedisScheduler(redis, { clock: () => nowMs, pagesPerGrant, ...(account && { account }) });
  const coming = [...uploads].sort((a, b) => a.atMs - b.atMs);
  const left = new Map(uploads.map(({ id, pages }) => [id, pages]));
  const uploadedMs = new Map(uploads.map(({ id, atMs }) => [id, atMs]));
  const responses = new Map<string, number>();
  const underWay: { readonly endsMs: number; readonly lease: Lease }[] = [];
  const provider = new Provider();

  const arrive = async () => {
    const now = coming.splice(0, coming.findIndex(({ atMs }) => startMs + atMs > nowMs) >>> 0);
    await Promise.all(
      now.map(({ id, tenantId, pages, atMs }) => {
        const pagesLeft = Array.from({ length: pages }, (_, index) => index + 1);
        return scheduler.enqueue({ jobId: id, tenantId, pagesLeft, enqueuedAtMs: startMs + atMs });
      }),
    );
    if (uploaded) for (const { id } of now) await uploaded(scheduler, id);
  };
  const finish = async () => {
    while (underWay[0] && underWay[0].endsMs <= nowMs) {
      const { lease, endsMs } = underWay.shift() as (typeof underWay)[number];
      await scheduler.complete(lease, lease.pages);
      const rest = (left.get(lease.jobId) ?? 0) - lease.pages.length;
      left.set(lease.jobId, rest);
      if (rest === 0) responses.set(lease.jobId, endsMs - startMs - (uploadedMs.get(lease.jobId) ?? 0));
    }
  };

  while (responses.size < uploads.length && !(until && responses.has(until))) {
    await arrive();
    await finish();
    const heavySlots = keepsSlot ? underWay.filter(({ lease }) => !lease.light).length : 0;
    const full = underWay.length >= slots;
    const grant = full
      ? { sleepMs: Number.POSITIVE_INFINITY }
      : await scheduler.grant({ worker: 'bench', kinds: ['parse'], slots, heavySlots });
    if ('lease' in grant) {
      provider.take(nowMs, grant.lease.pages.length);
      const takesMs = typeof pageMs === 'number' ? pageMs : pageMs(grant.lease);
      underWay.push({ endsMs: nowMs + takesMs, lease: grant.lease });
      underWay.sort((a, b) => a.endsMs - b.endsMs);
    } else {
      // An upload wakes the workers, as the end of a request does.
      const wakes = [underWay[0]?.endsMs, coming[0] && startMs + coming[0].atMs].filter((at) => at !== undefined);
      nowMs = Math.min(nowMs + grant.sleepMs, ...wakes.filter((at) => at > nowMs));
    }
  }
  return { responses, mostInAMinute: provider.mostInAMinute };
}

/** Counts what reaches it as a provider does that limits any 60 s. */
export class Provider {
  readonly #recent: { readonly atMs: number; readonly pages: number }[] = [];
  #pages = 0;
  mostInAMinute = 0;

  take(nowMs: number, pages: number): void {
    this.#recent.push({ atMs: nowMs, pages });
    this.#pages += pages;
    while (this.#recent[0] && this.#recent[0].atMs <= nowMs - 60_000)
      this.#pages -= (this.#recent.shift() as { pages: number }).pages;
    this.mostInAMinute = Math.max(this.mostInAMinute, this.#pages);
  }
}
