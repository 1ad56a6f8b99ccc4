/** What the refused are told: the expected time until a slot frees for them. The first half is pure. */

/** Below, a caller would spin; above, it would give up. */
export const hintMsMin = 50;
export const hintMsMax = 60_000;
/** Enough for a mean that follows the load; a sum over them costs nothing. */
export const durationsMax = 64;
/** More are told the longest time anyway. */
export const promisesMax = 1024;
/** Callers that were told the same time come back spread over half of it, or of a use if that is less. */
export const jitter = 0.5;

export interface HintState {
  /** Of the uses under way. */
  readonly agesMs: readonly number[];
  /** Of recent uses. */
  readonly durationsMs: readonly number[];
  /** Callers that were refused before and have not come back. */
  readonly ahead: number;
  /** 0 to 1. */
  readonly random: number;
}

/**
 * Expected milliseconds until a slot is free for the caller behind `ahead` others, jittered by `random` and within
 * {@link hintMsMin}..{@link hintMsMax}. What a use still takes is estimated from the recent uses that took
 * longer than it already has; where none did, it is taken to be half done at best. (So short uses of before, like those of
 * the warm-up, do not call a herd back again and again while long ones hold every slot.)
 */
export function retryHintMs({ agesMs, durationsMs, ahead, random }: HintState): number {
  const mean = average(durationsMs);
  const remaining = agesMs
    .map((age) => {
      const longer = durationsMs.filter((duration) => duration > age);
      return longer.length > 0 ? average(longer) - age : Math.max(mean, age);
    })
    .sort((a, b) => a - b);
  const slots = Math.max(1, remaining.length);
  // Each round of the slots takes one mean use.
  const wait = (remaining[ahead % slots] ?? 0) + Math.floor(ahead / slots) * mean;
  // Who waits longest is told less before it is spread: else all of them would come back in the same moment. The others are
  // told apart already, one behind the other; half of a use is enough to part those who think they are next.
  const most = hintMsMax / (1 + jitter);
  const spread = wait < most ? wait + jitter * random * Math.min(wait, mean) : most * (1 + jitter * random);
  return Math.round(Math.max(hintMsMin, spread));
}

const average = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

export interface HintsOptions {
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
  /** How long one use takes, until the first ones have ended. */
  readonly expectedMs: number;
}

/** Remembers how long uses took, and who was told to come back when. */
export class Hints {
  readonly #options: HintsOptions;
  readonly #durations: number[] = [];
  /** Times at which refused callers were told to return: each of them will take a slot before the next one told. */
  #promised: number[] = [];
  /** The first of them: until then none has passed. */
  #soonest = 0;

  constructor(options: HintsOptions) {
    this.#options = options;
  }

  /** A use has ended. */
  ended(durationMs: number): void {
    this.#durations.push(durationMs);
    if (this.#durations.length > durationsMax) this.#durations.shift();
  }

  /** For who is refused now. @param startedAt of the uses under way */
  next(startedAt: readonly number[]): number {
    const { now, random, expectedMs } = this.#options;
    const time = now();
    // Seldom: in a storm every refusal comes by here.
    if (time >= this.#soonest || this.#promised.length >= 2 * promisesMax) {
      this.#promised = this.#promised.filter((at) => at > time).slice(-promisesMax);
      this.#soonest = Math.min(...this.#promised);
    }
    const hint = retryHintMs({
      agesMs: startedAt.map((at) => time - at),
      durationsMs: this.#durations.length > 0 ? this.#durations : [expectedMs],
      ahead: Math.min(promisesMax, this.#promised.length),
      random: random(),
    });
    this.#promised.push(time + hint);
    this.#soonest = Math.min(this.#soonest, time + hint);
    return hint;
  }
}
