/**
 * Runs what waits in PostgreSQL, a few pieces at a time: who is next says the policy of the page scheduler, with its bands,
 * tenants, credit and the slot for light documents. What each was given is this worker's own memory; the others keep theirs.
 */
import type { Logger } from '../shared/log.ts';
import { decide, emptyPolicy, isLight, withJobs } from '../shared/scheduler/policy.ts';

export interface Waiting {
  readonly id: string;
  readonly documentId: string;
  readonly tenantId: string;
  /** Pages that are still to be done; at least 1. */
  readonly left: number;
}

/** `held`: another worker has it. `failed`: nothing is started for it until the next look. */
export type Outcome = 'ran' | 'held' | 'failed';

export interface TenantTurnsOptions {
  readonly slots: number;
  /** Of these, for documents outside of the light lane; one at a time delays each the least. */
  readonly heavySlots: number;
  /** Pages that one run does, about. */
  readonly pagesPerRun: number;
  /** What is looked for, for the log. */
  readonly what: string;
  readonly log: Logger;
  /** Each tenant's oldest first. @param except ids that are not to be started */
  find(except: readonly string[]): Promise<readonly Waiting[]>;
  /** Never rejects. @param signal aborts when the worker stops and its time is up */
  run(one: Waiting, signal: AbortSignal): Promise<Outcome>;
}

export class TenantTurns {
  readonly #options: TenantTurnsOptions;
  readonly #underWay = new Map<string, { tenantId: string; light: boolean; run: Promise<void> }>();
  #policy = emptyPolicy();
  /** Under way in another worker, as far as this look knows. */
  readonly #elsewhere = new Set<string>();
  readonly #stop = new AbortController();
  #looking: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(options: TenantTurnsOptions) {
    this.#options = options;
  }

  /** Starts what can be started; returns when it has looked. */
  look(): Promise<void> {
    this.#elsewhere.clear();
    return this.lookOn();
  }

  /** {@link look}, but not for what another worker had at the last look. */
  lookOn(): Promise<void> {
    this.#again = true;
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async stop(limitMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(new Error('the worker stops')), limitMs);
    this.#closed = true;
    await this.#looking;
    await Promise.allSettled([...this.#underWay.values()].map(({ run }) => run));
    clearTimeout(timer);
  }

  async #lookAll(): Promise<void> {
    const { slots, find, log, what } = this.#options;
    while (this.#again && !this.#closed) {
      this.#again = false;
      if (this.#underWay.size >= slots) continue;
      try {
        this.#startNext(await find([...this.#underWay.keys(), ...this.#elsewhere]));
      } catch (error) {
        log.warn({ err: error as Error }, `${what} not found`);
      }
    }
  }

  #startNext(found: readonly Waiting[]): void {
    const { slots, heavySlots: heavyMax, pagesPerRun: pagesMax } = this.#options;
    const byId = new Map(found.map((one) => [one.id, one]));
    const jobs = () =>
      [...byId.values()].map(({ id, tenantId, left }) => ({ id, tenantId, left, enqueuedAtMs: createdAtMs(id) }));
    const busy = () => new Set([...this.#underWay.values()].map(({ tenantId }) => tenantId));
    while (!this.#closed && this.#underWay.size < slots) {
      const heavySlots = [...this.#underWay.values()].filter(({ light }) => !light).length;
      // One run is one grant, and what is left waits until it has ended.
      this.#policy = withJobs(this.#policy, jobs(), busy());
      // The policy keeps one slot for the light; here it is all but the heavy ones.
      const asking = { slots: heavyMax + 1, heavySlots, pagesMax, inTenant: 'oldest' } as const;
      const decision = decide(this.#policy, asking, Date.now());
      this.#policy = decision.state;
      const next = 'grant' in decision && byId.get(decision.grant.jobId);
      if (!next) return;
      byId.delete(next.id);
      this.#start(next);
    }
  }

  #start(one: Waiting): void {
    const { id, tenantId, left } = one;
    const run = this.#options.run(one, this.#stop.signal).then((outcome) => {
      this.#underWay.delete(id);
      if (outcome === 'held') this.#elsewhere.add(id);
      // Another may have waited for the slot.
      if (outcome !== 'failed' && !this.#closed) void this.lookOn();
    });
    this.#underWay.set(id, { tenantId, light: isLight(left), run });
  }
}

/** A UUID of version 7 begins with it. */
const createdAtMs = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);

/** When what failed is tried again: after `firstMs`, twice as long each time, at most `mostMs`. */
export class Retries {
  readonly #firstMs: number;
  readonly #mostMs: number;
  /** `nextAtMs` by a clock that nobody sets. */
  readonly #failures = new Map<string, { readonly waits: number; readonly nextAtMs: number }>();

  constructor(firstMs: number, mostMs: number) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
  }

  /** @returns milliseconds until the next try */
  failed(id: string): number {
    const waits = this.#failures.get(id)?.waits ?? 0;
    const delayMs = Math.min(this.#mostMs, this.#firstMs * 2 ** waits);
    this.#failures.set(id, { waits: waits + 1, nextAtMs: performance.now() + delayMs });
    return delayMs;
  }

  succeeded(id: string): void {
    this.#failures.delete(id);
  }

  /** What is not to be tried again yet. */
  pausing(): string[] {
    const now = performance.now();
    return [...this.#failures].filter(([, { nextAtMs }]) => nextAtMs > now).map(([id]) => id);
  }
}
