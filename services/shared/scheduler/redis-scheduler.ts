/** The {@link Scheduler} on Redis: every call is one run of one script, whose parts lie in lua/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Grant, GrantRequest, Lease, Schedulable, Scheduler, SchedulerSnapshot } from '../contract/grant.ts';
import { grantPagesMax, leaseMs } from '../contract/grant.ts';
import { bandPagesMax, bands as bandsOf, lanePagesMax } from '../contract/job.ts';
import { formatPages, parsePages } from './page-ranges.ts';

export interface RedisSchedulerOptions {
  /** All keys stand under it; the braces keep them in one slot of a cluster. @default '{bulkhead:schedule}' */
  readonly prefix?: string;
  /** Pages of one grant. @default grantPagesMax */
  readonly pagesPerGrant?: number;
  /** @default leaseMs */
  readonly leaseMs?: number;
}

export class RedisScheduler implements Scheduler {
  readonly #redis: ScriptedRedis;
  readonly #prefix: string;
  readonly #pagesPerGrant: number;
  readonly #leaseMs: number;

  /** @param redis stays the caller's: it opens and closes it. */
  constructor(redis: Redis, options: RedisSchedulerOptions = {}) {
    if (!('bulkheadSchedule' in redis)) redis.defineCommand('bulkheadSchedule', { numberOfKeys: 1, lua: script });
    this.#redis = redis as ScriptedRedis;
    this.#prefix = options.prefix ?? '{bulkhead:schedule}';
    this.#pagesPerGrant = options.pagesPerGrant ?? grantPagesMax;
    this.#leaseMs = options.leaseMs ?? leaseMs;
  }

  async enqueue({ jobId, tenantId, pagesLeft, enqueuedAtMs, epoch = 0 }: Schedulable): Promise<void> {
    const pages = pagesLeft ? formatPages(pagesLeft) : 'probe';
    await this.#run('enqueue', jobId, tenantId, Math.floor(enqueuedAtMs), pages, epoch);
  }

  async grant({ worker, kinds, freeSlots, slots }: GrantRequest): Promise<Grant> {
    if (freeSlots < 1) throw new Error(`freeSlots is ${freeSlots}: ask for work only with a free slot`);
    const answer = await this.#run(
      'grant',
      worker,
      kinds.join(','),
      freeSlots,
      slots,
      this.#pagesPerGrant,
      this.#leaseMs,
    );
    const { sleepMs, ...lease } = JSON.parse(String(answer)) as GrantAnswer;
    if (sleepMs !== undefined) return { sleepMs };
    return { lease: { ...lease, pages: parsePages(lease.pages), tokens: 0 } };
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

  async position(jobId: string): Promise<number | null> {
    const position = Number(await this.#run('position', jobId));
    return position < 0 ? null : position;
  }

  async snapshot(): Promise<SchedulerSnapshot> {
    const { bands, ...rest } = JSON.parse(String(await this.#run('snapshot'))) as SnapshotAnswer;
    return { bands: bandsOf.map((band, index) => ({ band, ...(bands[index] as BandAnswer) })), ...rest };
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
    return this.#redis.bulkheadSchedule(this.#prefix, operation, ...parameters);
  }
}

type ScriptedRedis = Redis & { bulkheadSchedule(...parameters: (string | number)[]): Promise<unknown> };
type GrantAnswer = Omit<Lease, 'pages' | 'tokens'> & { pages: string; sleepMs?: number };
type BandAnswer = Omit<SchedulerSnapshot['bands'][number], 'band'>;
type SnapshotAnswer = Omit<SchedulerSnapshot, 'bands'> & { bands: BandAnswer[] };

/** What the script must know of the contract. */
const limits = `local LIMITS = { ${bandPagesMax.join(', ')} } -- most pages left in bands 1 to 3; band 4 takes the rest
local LIGHT = ${bandPagesMax.indexOf(lanePagesMax.light) + 1} -- bands up to it are the light lane`;
/** Redis takes one script: the parts in the order in which they use each other. */
const script = [
  limits,
  ...['state', 'pages', 'suspects', 'queues', 'leases', 'picking', 'operations'].map((part) =>
    readFileSync(join(import.meta.dirname, 'lua', `${part}.lua`), 'utf8'),
  ),
].join('\n');
