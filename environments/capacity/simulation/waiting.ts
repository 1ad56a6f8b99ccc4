/**
 * Jobs that wait, and of them those that the policy can pick: of each tenant and band the shortest and the oldest, and a
 * second one where there is one, so that a tenant whose job goes is still seen to have others. The policy decides on these
 * as it would on all of them, whatever their number; a test holds that.
 */
import TinyQueue from 'tinyqueue';
import { bandOf, isLight, type WaitingJob } from '../../../services/shared/scheduler/policy.ts';

const byAge = (a: WaitingJob, b: WaitingJob) => a.enqueuedAtMs - b.enqueuedAtMs || (a.id < b.id ? -1 : 1);
const bySize = (a: WaitingJob, b: WaitingJob) => a.left - b.left || byAge(a, b);

class Group {
  readonly jobs = new Map<string, WaitingJob>();
  readonly #shortest = new TinyQueue<WaitingJob>([], bySize);
  readonly #oldest = new TinyQueue<WaitingJob>([], byAge);

  add(job: WaitingJob): void {
    this.jobs.set(job.id, job);
    this.#shortest.push(job);
    this.#oldest.push(job);
  }

  heads(): readonly WaitingJob[] {
    const shortest = this.#first(this.#shortest);
    const oldest = this.#first(this.#oldest);
    if (!shortest || !oldest) return [];
    if (shortest !== oldest) return [shortest, oldest];
    this.#shortest.pop();
    const second = this.#first(this.#shortest);
    this.#shortest.push(shortest);
    return second ? [shortest, second] : [shortest];
  }

  /** Those that have gone, or have fewer pages left, are still in the heap. */
  #first(heap: TinyQueue<WaitingJob>): WaitingJob | undefined {
    for (let job = heap.peek(); job; job = heap.peek()) {
      if (this.jobs.get(job.id) === job) return job;
      heap.pop();
    }
    return undefined;
  }
}

export class Waiting {
  readonly #groups = new Map<string, Group>();
  readonly #heads = new Map<string, readonly WaitingJob[]>();
  readonly #all = new Map<string, WaitingJob>();
  pages = 0;
  /** Jobs of the light lane. */
  light = 0;

  get size(): number {
    return this.#all.size;
  }

  add(job: WaitingJob): void {
    this.#all.set(job.id, job);
    this.pages += job.left;
    if (isLight(job.left)) this.light += 1;
    const key = keyOf(job);
    let group = this.#groups.get(key);
    if (!group) {
      group = new Group();
      this.#groups.set(key, group);
    }
    group.add(job);
    this.#heads.set(key, group.heads());
  }

  /** So many of its pages were granted. */
  take(id: string, pages: number): WaitingJob {
    const job = this.#all.get(id) as WaitingJob;
    const key = keyOf(job);
    this.#all.delete(id);
    this.pages -= job.left;
    if (isLight(job.left)) this.light -= 1;
    const group = this.#groups.get(key) as Group;
    group.jobs.delete(id);
    const heads = group.heads();
    if (heads.length > 0) this.#heads.set(key, heads);
    else this.#heads.delete(key);
    if (job.left > pages) this.add({ ...job, left: job.left - pages });
    return job;
  }

  heads(): readonly WaitingJob[] {
    return [...this.#heads.values()].flat();
  }
}

const keyOf = ({ tenantId, left }: WaitingJob) => `${bandOf(left)} ${tenantId}`;
