/** What the refused are told: the expected time until a slot frees for them. The first half is pure. */

/** Below, a caller would spin; above, it would give up. */
export const hintMsMin = 50;
export const hintMsMax = 60_000;
/** Enough for a mean that follows the load; a sum over them costs nothing. */
export const durationsMax = 64;
/** More are told the longest time anyway. */
export const promisesMax = 4096;
/** Callers that were told the same time come back spread over half of it, or of a use if that is less. */
export const jitter = 0.5;
/** Longer ones are told this, spread up to the most. */
export const waitMsMost = hintMsMax / (1 + jitter);
/** A caller that asks again every 5 s costs next to nothing. */
export const horizonMsMin = 5000;

export interface HintState {
  /** Of the uses under way. */
  readonly agesMs: readonly number[];
  /** Of recent uses. */
  readonly durationsMs: readonly number[];
  /** Callers that get one before. */
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
  const freeIn = freeInMs(agesMs, durationsMs);
  const wait = freeIn(ahead);
  // Who waits longest is told less before it is spread: else all of them would come back in the same moment. The others are
  // told apart already, one behind the other; half of a use is enough to part those who think they are next.
  const most = horizonMs(durationsMs, freeIn(0));
  const spread =
    wait < most ? wait + jitter * random * Math.min(wait, average(durationsMs)) : most * (1 + jitter * random);
  return Math.round(Math.max(hintMsMin, spread));
}

/**
 * Nobody is told to wait longer than this and its jitter: who was told too long a time, because uses were slow for a moment,
 * cannot be called back, and slots stay idle. With 5 s a storm of 1,000 callers at 20 slots whose uses take five times as
 * long in its first two seconds is over in 1.2 times the least time (storm.test.ts).
 *
 * @param freeFirstMs until the first slot is free
 */
export function horizonMs(durationsMs: readonly number[], freeFirstMs: number): number {
  return Math.min(waitMsMost, Math.max(horizonMsMin, 2 * average(durationsMs), 2 * freeFirstMs));
}

/** In how many ms a slot is free for the first caller, the second ... */
export function freeInMs(agesMs: readonly number[], durationsMs: readonly number[]): (caller: number) => number {
  const mean = average(durationsMs);
  const remaining = agesMs
    .map((age) => {
      const longer = durationsMs.filter((duration) => duration > age);
      return longer.length > 0 ? average(longer) - age : Math.max(mean, age);
    })
    .sort((a, b) => a - b);
  const slots = Math.max(1, remaining.length);
  // Each round of the slots takes one mean use.
  return (caller) => (remaining[caller % slots] ?? 0) + Math.floor(caller / slots) * mean;
}

/**
 * The first slot to be free that nobody was told of. Who comes back a moment too early gets one that frees soon, though many
 * wait for later ones: sent behind all of them it would leave a slot idle.
 *
 * @param toldInMs ascending: when those who were told expect theirs
 */
export function unclaimed(freeIn: (caller: number) => number, toldInMs: readonly number[]): number {
  let claimed = 0;
  for (let caller = 0; ; caller += 1) {
    const at = freeIn(caller);
    while (claimed < toldInMs.length && (toldInMs[claimed] as number) <= at) claimed += 1;
    if (claimed <= caller) return caller;
  }
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
  /** When refused callers expect a slot, ascending: each of them takes one before the next one told. */
  #told: number[] = [];

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
    const passed = this.#told.findIndex((at) => at > time);
    if (passed !== 0) this.#told.splice(0, passed < 0 ? this.#told.length : passed);
    const agesMs = startedAt.map((at) => time - at);
    const durationsMs = this.#durations.length > 0 ? this.#durations : [expectedMs];
    const freeIn = freeInMs(agesMs, durationsMs);
    const ahead = unclaimed((caller) => time + freeIn(caller), this.#told);
    const wait = freeIn(ahead);
    // Who is to ask again at the horizon was told of no slot.
    if (wait < horizonMs(durationsMs, freeIn(0)) && this.#told.length < promisesMax) {
      const at = time + wait;
      const after = this.#told.findLastIndex((one) => one <= at) + 1;
      this.#told.splice(after, 0, at);
    }
    return retryHintMs({ agesMs, durationsMs, ahead, random: random() });
  }
}
