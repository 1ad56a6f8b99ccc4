/** Runs what waits for this worker, a few pieces at a time, tenants in turn (index/index-order.ts). */
import type { Logger } from '../shared/log.ts';
import { nextToIndex, type Waiting } from './index/index-order.ts';

/** `held`: another worker has it. `failed`: nothing is started for it until the next look. */
export type Outcome = 'ran' | 'held' | 'failed';

export interface TenantTurnsOptions {
  readonly slots: number;
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
  readonly #underWay = new Map<string, { tenantId: string; heavy: boolean; run: Promise<void> }>();
  /** Tenants by the turn that they had last. */
  readonly #served = new Map<string, number>();
  #turns = 0;
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
    const tenants = new Set([...found, ...this.#underWay.values()].map(({ tenantId }) => tenantId));
    for (const tenant of this.#served.keys()) if (!tenants.has(tenant)) this.#served.delete(tenant);
    let left = found;
    while (!this.#closed && this.#underWay.size < this.#options.slots) {
      const next = nextToIndex(left, [...this.#underWay.values()], this.#served);
      if (!next) return;
      left = left.filter((other) => other !== next);
      this.#start(next);
    }
  }

  #start(one: Waiting): void {
    const { id, tenantId, heavy } = one;
    this.#turns += 1;
    this.#served.set(tenantId, this.#turns);
    const run = this.#options.run(one, this.#stop.signal).then((outcome) => {
      this.#underWay.delete(id);
      if (outcome === 'held') this.#elsewhere.add(id);
      // Another may have waited for the slot.
      if (outcome !== 'failed' && !this.#closed) void this.lookOn();
    });
    this.#underWay.set(id, { tenantId, heavy, run });
  }
}

/** When what failed is tried again: after `firstMs`, twice as long each time, at most `mostMs`. */
export class Retries {
  readonly #firstMs: number;
  readonly #mostMs: number;
  readonly #failures = new Map<string, { readonly waits: number; readonly nextAtMs: number }>();

  constructor(firstMs: number, mostMs: number) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
  }

  /** @returns milliseconds until the next try */
  failed(id: string): number {
    const waits = this.#failures.get(id)?.waits ?? 0;
    const delayMs = Math.min(this.#mostMs, this.#firstMs * 2 ** waits);
    this.#failures.set(id, { waits: waits + 1, nextAtMs: Date.now() + delayMs });
    return delayMs;
  }

  succeeded(id: string): void {
    this.#failures.delete(id);
  }

  /** What is not to be tried again yet. */
  pausing(): string[] {
    const now = Date.now();
    return [...this.#failures].filter(([, { nextAtMs }]) => nextAtMs > now).map(([id]) => id);
  }
}
