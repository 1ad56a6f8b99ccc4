/**
 * Workers and the page scheduler. Who is next, and when the account's meter gives, says the policy that the services run;
 * a grant then takes the CPU that the constants say, for reading and indexing its pages.
 */

import { bandOf, decide, emptyPolicy, isLight, withJobs } from '../../../services/shared/scheduler/policy.ts';
import type { MeteredAccount } from '../../../services/shared/scheduler/policy-meter.ts';
import { emptyMeter } from '../../../services/shared/scheduler/policy-meter.ts';
import { Clock } from './clock.ts';
import { Processor } from './processor.ts';
import { Replicas, type Scaling } from './replicas.ts';
import { Timeline } from './timeline.ts';
import type { Arrival } from './trace.ts';
import { Waiting } from './waiting.ts';

export type Upload = Extract<Arrival, { kind: 'document' }>;

export interface WorkerTier {
  readonly min: number;
  readonly max: number;
  readonly scaling?: Scaling | undefined;
  readonly vcpu: number;
  /** Grants of a replica under way. */
  readonly slots: number;
  readonly pagesPerGrant: number;
  /** CPU that a grant takes; of a provider's parser the time until its answer, on a `vcpu` without end. */
  readonly grantSeconds: (pages: number) => number;
  readonly account?: MeteredAccount | undefined;
}

export interface DocumentOutcome {
  readonly atMs: number;
  readonly pages: number;
  readonly band: number;
  /** Until its first pages were granted. */
  readonly waitMs: number;
  /** Until its last page was indexed. */
  readonly responseMs: number;
}

export interface DocumentsRun {
  readonly endMs: number;
  readonly documents: readonly DocumentOutcome[];
  readonly grants: number;
  /** Means of each minute. */
  readonly pagesWaiting: readonly number[];
  /** Share of the CPU that the slots can use. */
  readonly busyShare: readonly number[];
  readonly replicas: readonly number[];
}

interface Replica {
  readonly processor: Processor;
  underWay: number;
  heavy: number;
}

interface Job {
  readonly arrival: Upload;
  left: number;
  firstGrantMs: number;
}

export function simulateDocuments(uploads: readonly Upload[], tier: WorkerTier): DocumentsRun {
  const clock = new Clock();
  const waiting = new Waiting();
  const jobs = new Map<string, Job>();
  const documents: DocumentOutcome[] = [];
  const pagesWaiting = new Timeline();
  const cpuUsed = new Timeline();
  const { slots, pagesPerGrant: pagesMax } = tier;
  // A single slot is not kept for anybody.
  const heavyMax = slots > 1 ? slots - 1 : slots;
  const fleet = Array.from(
    { length: tier.max },
    (): Replica => ({ processor: new Processor(clock, tier.vcpu), underWay: 0, heavy: 0 }),
  );
  let policy = emptyPolicy(tier.account && emptyMeter(tier.account, 0, { requests: 1, pages: 1 }));
  let pagesUnderWay = 0;
  let toCome = uploads.length;
  let grants = 0;
  let wakesMs = Number.POSITIVE_INFINITY;
  const replicas = new Replicas({
    clock,
    min: tier.min,
    max: tier.max,
    scaling: tier.scaling,
    signal: () => waiting.pages + pagesUnderWay,
    ends: () => toCome === 0 && jobs.size === 0,
    started: () => assign(),
  });

  function assign(): void {
    for (let replica = idlest(); replica && waiting.size > 0; replica = idlest()) {
      policy = withJobs(policy, waiting.heads());
      const decision = decide(policy, { slots, heavySlots: replica.heavy, pagesMax }, clock.nowMs);
      policy = decision.state;
      if (!('grant' in decision)) {
        wake(clock.nowMs + decision.sleepMs);
        break;
      }
      grants += 1;
      start(replica, decision.grant.jobId, decision.grant.pages);
    }
    pagesWaiting.set(clock.nowMs, waiting.pages);
    cpuUsed.set(
      clock.nowMs,
      fleet.reduce((sum, { processor }) => sum + processor.used, 0),
    );
  }

  /** One that may take what waits. */
  function idlest(): Replica | undefined {
    let best: Replica | undefined;
    for (const [index, replica] of fleet.entries()) {
      const takes = replica.underWay < slots && (replica.heavy < heavyMax || waiting.light > 0);
      if (takes && replicas.serves(index) && (!best || replica.underWay < best.underWay)) best = replica;
    }
    return best;
  }

  function wake(atMs: number): void {
    if (atMs >= wakesMs) return;
    wakesMs = atMs;
    clock.at(atMs, () => {
      wakesMs = Number.POSITIVE_INFINITY;
      assign();
    });
  }

  function start(replica: Replica, id: string, pages: number): void {
    const heavy = isLight(waiting.take(id, pages).left) ? 0 : 1;
    const job = jobs.get(id) as Job;
    job.firstGrantMs = Math.min(job.firstGrantMs, clock.nowMs);
    pagesUnderWay += pages;
    replica.underWay += 1;
    replica.heavy += heavy;
    replica.processor.start(tier.grantSeconds(pages), () => {
      replica.underWay -= 1;
      replica.heavy -= heavy;
      pagesUnderWay -= pages;
      job.left -= pages;
      if (job.left === 0) finish(id, job);
      assign();
    });
  }

  function finish(id: string, { arrival: { atMs, pages }, firstGrantMs }: Job): void {
    jobs.delete(id);
    documents.push({
      atMs,
      pages,
      band: bandOf(pages),
      waitMs: firstGrantMs - atMs,
      responseMs: clock.nowMs - atMs,
    });
  }

  clock.feed(uploads, (arrival, index) => {
    toCome -= 1;
    const id = `d${index}`;
    jobs.set(id, { arrival, left: arrival.pages, firstGrantMs: Number.POSITIVE_INFINITY });
    waiting.add({ id, tenantId: arrival.tenant, left: arrival.pages, enqueuedAtMs: arrival.atMs });
    assign();
  });
  clock.run();

  const endMs = clock.nowMs;
  const paid = replicas.paid.means(endMs);
  return {
    endMs,
    documents,
    grants,
    pagesWaiting: pagesWaiting.means(endMs),
    busyShare: cpuUsed.means(endMs).map((used, bin) => used / (Math.min(tier.vcpu, slots) * (paid[bin] ?? 1))),
    replicas: paid,
  };
}
