/**
 * Slots: a forced concurrency cap with an explicit yield. A slot is taken at once or refused at once; nothing waits
 * here. Who is refused gets a hint: the expected time until the next slot frees, so that a herd does not return as one.
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
  /** The function that gives the slot back (repeating it is harmless), or the refusal. */
  take(): { readonly release: () => void } | { readonly retryHintMs: number };
}

export function createSlots({
  max,
  now = () => performance.now(),
  random = Math.random,
  expectedMs = 2000,
}: SlotsOptions): Slots {
  if (!Number.isInteger(max) || max < 1) throw new Error(`slots are ${max}, allowed is a whole number from 1`);
  const started = new Set<{ readonly at: number }>();
  const durations: number[] = [];
  /** Times at which refused callers were told to return: each of them will take a slot before the next one told. */
  let promised: number[] = [];
  const counts = { executed: 0, yielded: 0, completed: 0 };

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
    take() {
      if (started.size >= max) return refuse();
      const slot = { at: now() };
      started.add(slot);
      counts.executed += 1;
      return {
        release: () => {
          if (!started.delete(slot)) return;
          counts.completed += 1;
          durations.push(now() - slot.at);
          if (durations.length > durationsMax) durations.shift();
        },
      };
    },
  };
}

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
