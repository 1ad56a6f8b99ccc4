/** Asks the scheduler "what next?" while slots are free, and keeps the leases of what is under way. */
import { type Lease, leaseMs, renewEveryMs, type Scheduler, type WorkKind } from '../contract/grant.ts';
import type { Logger } from '../log.ts';

export interface GrantLoopOptions {
  readonly scheduler: Scheduler;
  readonly worker: string;
  readonly slots: number;
  readonly log: Logger;
  /** Does the work of a lease and ends it. */
  readonly work: (lease: Lease, signal: AbortSignal) => Promise<void>;
  /** Called when there was nothing to do. */
  readonly idle: () => Promise<void>;
  readonly lost: () => void;
}

/** Pause after a fault, ours or Redis's: long enough not to spin, short enough not to be noticed. */
const faultPauseMs = 1000;
/** Workers that were told the same time do not all ask at once; a meter makes up for more (lua/meters.lua). */
const spreadMs = 50;

export class GrantLoop {
  readonly #options: GrantLoopOptions;
  readonly #underWay = new Map<Promise<void>, Lease>();
  readonly #stop = new AbortController();
  readonly #abort = new AbortController();
  /** A wake that came while it was not asleep counts for the next sleep. */
  #woken = false;
  #wakeUp: () => void = () => {};
  #loop: Promise<void> = Promise.resolve();

  constructor(options: GrantLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Asks again now. */
  wake(): void {
    this.#woken = true;
    this.#wakeUp();
  }

  /** Takes nothing new, waits for what is under way, and after the limit gives its pages back. */
  async stop(limitMs: number): Promise<void> {
    this.#stop.abort();
    this.wake();
    const timer = setTimeout(() => this.#abort.abort(new Error('the worker stops')), limitMs);
    await this.#loop;
    await Promise.allSettled(this.#underWay.keys());
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    const { log } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        const sleepMs = await this.#ask();
        if (sleepMs > 0) await this.#sleep(sleepMs + Math.random() * spreadMs);
      } catch (error) {
        log.warn({ err: error as Error }, 'no grant');
        await this.#sleep(faultPauseMs);
      }
    }
  }

  async #ask(): Promise<number> {
    const { scheduler, worker, slots, idle } = this.#options;
    if (this.#underWay.size >= slots) return leaseMs;
    const underWay = [...this.#underWay.values()];
    // A hostile document may hold its probe until the deadline: probes never take the last slot.
    const probes = underWay.filter(({ kind }) => kind === 'probe').length;
    const kinds: WorkKind[] = probes < Math.max(1, slots - 1) ? ['probe', 'parse'] : ['parse'];
    const grant = await scheduler.grant({
      worker,
      kinds,
      slots,
      heavySlots: underWay.filter(({ light }) => !light).length,
    });
    if ('lease' in grant) {
      this.#take(grant.lease);
      return 0;
    }
    await idle();
    return grant.sleepMs;
  }

  #take(lease: Lease): void {
    const work = this.#hold(lease).finally(() => {
      this.#underWay.delete(work);
      this.wake();
    });
    this.#underWay.set(work, lease);
  }

  /** Renews the lease while the work runs; stops the work when the lease is lost. Never rejects. */
  async #hold(lease: Lease): Promise<void> {
    const { scheduler, work, log, lost } = this.#options;
    const gone = new AbortController();
    let heldUntil = performance.now() + leaseMs;
    const renew = async () => {
      const asked = performance.now();
      const held = await scheduler.renew(lease).catch(() => null);
      if (held) heldUntil = asked + leaseMs;
      if (held === false || performance.now() > heldUntil) gone.abort(new Error('the lease is lost'));
    };
    const timer = setInterval(() => void renew(), renewEveryMs);
    try {
      await work(lease, AbortSignal.any([gone.signal, this.#abort.signal]));
    } catch (error) {
      lost();
      log.warn({ err: error as Error, jobId: lease.jobId, pages: lease.pages.length }, 'grant not finished');
      // The same fault would meet the next lease.
      await this.#pause(faultPauseMs);
    } finally {
      clearInterval(timer);
    }
  }

  async #sleep(ms: number): Promise<void> {
    if (!this.#woken && !this.#stop.signal.aborted)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.#woken = false;
  }

  #pause(ms: number): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}
