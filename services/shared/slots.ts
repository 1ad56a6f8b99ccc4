/**
 * Slots: a forced concurrency cap with an explicit yield. A slot is taken at once or refused at once; nothing waits
 * here. Who is refused gets a hint: the expected time until the next slot frees, so that a herd does not return as one.
 *
 * Where slots are taken for tenants, no tenant can take them all: see {@link admits}.
 */

export interface SlotsOptions {
  readonly max: number;
  /** Milliseconds; only differences matter. */
  readonly now?: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
  /** How long one use takes, until the first ones have ended. */
  readonly expectedMs?: number;
}

export interface Slots {
  readonly max: number;
  readonly inFlight: number;
  /** Slots taken, refused and given back since the start. */
  readonly counts: { readonly executed: number; readonly yielded: number; readonly completed: number };
  /** Slots that the tenant has now. */
  heldBy(tenantId: string): number;
  /**
   * The function that gives the slot back (repeating it is harmless), or the refusal.
   *
   * @param tenantId shares the slots with other tenants; absent: whoever comes first
   */
  take(tenantId?: string): { readonly release: () => void } | { readonly retryHintMs: number };
}

export function createSlots({
  max,
  now = () => performance.now(),
  random = Math.random,
  expectedMs = 2000,
}: SlotsOptions): Slots {
  if (!Number.isInteger(max) || max < 1) throw new Error(`slots are ${max}, allowed is a whole number from 1`);
  const started = new Set<{ readonly at: number; readonly tenantId: string | undefined }>();
  /** Tenants that have slots, and how many. */
  const held = new Map<string, number>();
  const durations: number[] = [];
  /** Times at which refused callers were told to return: each of them will take a slot before the next one told. */
  let promised: number[] = [];
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

  const refuse = () => {
    const time = now();
    promised = promised.filter((at) => at > time).slice(-promisesMax);
    const hint = retryHintMs({
      agesMs: [...started].map(({ at }) => time - at),
      durationsMs: durations.length > 0 ? durations : [expectedMs],
      ahead: promised.length,
      random: random(),
    });
    promised.push(time + hint);
    counts.yielded += 1;
    return { retryHintMs: hint };
  };

  return {
    max,
    counts,
    get inFlight() {
      return started.size;
    },
    heldBy: (tenantId) => held.get(tenantId) ?? 0,
    take(tenantId) {
      if (!admitted(tenantId)) return refuse();
      const slot = { at: now(), tenantId };
      started.add(slot);
      hold(tenantId, 1);
      counts.executed += 1;
      return {
        release: () => {
          if (!started.delete(slot)) return;
          hold(tenantId, -1);
          counts.completed += 1;
          durations.push(now() - slot.at);
          if (durations.length > durationsMax) durations.shift();
        },
      };
    },
  };
}

export interface Share {
  readonly max: number;
  /** Slots of all tenants. */
  readonly taken: number;
  /** Those of the tenant that asks. */
  readonly own: number;
  /** Tenants that have slots, the one that asks counted in. */
  readonly tenants: number;
}

/**
 * Whether a tenant gets one more slot. Nobody who could use a slot is refused for the sake of tenants that do not ask,
 * but for the reserve: an eighth of the slots, at least one where there are two.
 *
 * - A tenant that has its fair share (the rest, divided by the tenants that have slots) or more leaves the reserve free.
 *   What frees then goes to the others until each has its share.
 * - One below its share takes of the reserve too, but leaves half of it to tenants that have no slot at all: they find
 *   one while any number of others flood.
 */
export function admits({ max, taken, own, tenants }: Share): boolean {
  const reserve = reserveOf(max);
  if (own === 0) return taken < max;
  const fair = Math.max(1, Math.floor((max - reserve) / tenants));
  return taken < max - (own < fair ? Math.ceil(reserve / 2) : reserve);
}

/** Slots that no tenant takes alone: room for the first answers of some others, for an eighth of its own speed. */
export const reserveOf = (max: number) => (max > 1 ? Math.ceil(max / 8) : 0);

/** Below, a caller would spin; above, it would give up. */
export const hintMsMin = 50;
export const hintMsMax = 60_000;
/** Enough for a mean that follows the load; a sum over them costs nothing. */
const durationsMax = 64;
/** More are told the longest time anyway. */
const promisesMax = 1024;
/** Callers that were told the same time come back spread over half of it. */
const jitter = 0.5;

/**
 * Expected milliseconds until a slot is free for the caller behind `ahead` others, jittered by `random` (0 to 1) and
 * clamped to {@link hintMsMin}..{@link hintMsMax}. What a use still takes is estimated from the recent uses that took
 * longer than it already has; where none did, it is taken to be half done at best. (So short uses of before, like those of
 * the warm-up, do not call a herd back again and again while long ones hold every slot.)
 */
export function retryHintMs(state: {
  readonly agesMs: readonly number[];
  readonly durationsMs: readonly number[];
  readonly ahead: number;
  readonly random: number;
}): number {
  const mean = average(state.durationsMs);
  const remaining = state.agesMs
    .map((age) => {
      const longer = state.durationsMs.filter((duration) => duration > age);
      return longer.length > 0 ? average(longer) - age : Math.max(mean, age);
    })
    .sort((a, b) => a - b);
  // Each round of the slots takes one mean use.
  const rounds = Math.floor(state.ahead / Math.max(1, remaining.length));
  const wait = (remaining[state.ahead % Math.max(1, remaining.length)] ?? 0) + rounds * mean;
  return Math.round(Math.min(hintMsMax, Math.max(hintMsMin, wait * (1 + jitter * state.random))));
}

const average = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
