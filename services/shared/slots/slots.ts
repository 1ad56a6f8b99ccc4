/**
 * Slots: a forced concurrency cap with an explicit yield. A slot is taken at once or refused at once; nothing waits
 * here. Who is refused gets a hint: the expected time until the next slot frees, so that a herd does not return as one.
 *
 * Where slots are taken for tenants, no tenant can take them all: see share.ts. These here are of one process; those
 * that replicas share are in fleet-slots.ts.
 */
import { Hints } from './hint.ts';
import { admits } from './share.ts';

export interface SlotsOptions {
  readonly max: number;
  /** Milliseconds; only differences matter. */
  readonly now?: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
  /** How long one use takes, until the first ones have ended. */
  readonly expectedMs?: number;
  readonly onEvent?: (event: SlotEvent) => void;
}

/** For metrics: each take is one `taken` or one `yielded`, each `taken` has one `freed`. */
export type SlotEvent =
  | { readonly kind: 'taken' }
  | { readonly kind: 'yielded'; readonly retryHintMs: number }
  | { readonly kind: 'freed'; readonly durationMs: number };

/** The function that gives the slot back (repeating it is harmless), or the refusal. */
export type Taken = { readonly release: () => void } | { readonly retryHintMs: number };

/** Slots taken, refused and given back since the start. */
export interface SlotCounts {
  readonly executed: number;
  readonly yielded: number;
  readonly completed: number;
}

export interface Slots {
  readonly max: number;
  readonly inFlight: number;
  readonly counts: SlotCounts;
  /** Slots that the tenant has now. */
  heldBy(tenantId: string): number;
  /** @param tenantId shares the slots with other tenants; absent: whoever comes first */
  take(tenantId?: string): Taken;
}

export function createSlots({
  max,
  now = () => performance.now(),
  random = Math.random,
  expectedMs = 2000,
  onEvent,
}: SlotsOptions): Slots {
  requireWhole(max);
  const started = new Set<{ readonly at: number; readonly tenantId: string | undefined }>();
  /** Tenants that have slots, and how many. */
  const held = new Map<string, number>();
  const hints = new Hints({ now, random, expectedMs });
  const counts = { executed: 0, yielded: 0, completed: 0 };

  const hold = (tenantId: string | undefined, change: 1 | -1) => {
    if (tenantId === undefined) return;
    const count = (held.get(tenantId) ?? 0) + change;
    if (count > 0) held.set(tenantId, count);
    else held.delete(tenantId);
  };
  const admitted = (tenantId: string | undefined) => {
    if (tenantId === undefined) return started.size < max;
    const own = held.get(tenantId) ?? 0;
    return admits({ max, taken: started.size, own, tenants: held.size + (own === 0 ? 1 : 0) });
  };

  return {
    max,
    counts,
    get inFlight() {
      return started.size;
    },
    heldBy: (tenantId) => held.get(tenantId) ?? 0,
    take(tenantId) {
      if (!admitted(tenantId)) {
        const retryHintMs = hints.next([...started].map(({ at }) => at));
        counts.yielded += 1;
        onEvent?.({ kind: 'yielded', retryHintMs });
        return { retryHintMs };
      }
      const slot = { at: now(), tenantId };
      started.add(slot);
      hold(tenantId, 1);
      counts.executed += 1;
      onEvent?.({ kind: 'taken' });
      return {
        release: () => {
          if (!started.delete(slot)) return;
          hold(tenantId, -1);
          counts.completed += 1;
          const durationMs = now() - slot.at;
          hints.ended(durationMs);
          onEvent?.({ kind: 'freed', durationMs });
        },
      };
    },
  };
}

export function requireWhole(max: number): void {
  if (!Number.isInteger(max) || max < 1) throw new Error(`slots are ${max}, allowed is a whole number from 1`);
}
