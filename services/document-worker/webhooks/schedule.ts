/** When what was not taken is sent again. Pure. */

const minute = 60_000;
const hour = 60 * minute;

/**
 * Waits after each attempt, those of Standard Webhooks up to its eighth: a restart is over in seconds, a deployment in
 * minutes, a broken night in a day. After 27 h 35 min nobody repairs what the list of jobs does not tell better.
 */
export const retryDelaysMs: readonly number[] = [
  5000,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  10 * hour,
];
export const attemptsMax = retryDelaysMs.length + 1;

/** Spreads what failed together. */
const jitter = 0.1;

/** @param attempts made so far. @returns null: there is no other */
export function nextAttemptMs(attempts: number, random = Math.random()): number | null {
  const delay = retryDelaysMs[attempts - 1];
  return delay === undefined ? null : Math.round(delay * (1 + jitter * random));
}

const pauseMsMin = 5000;
const pauseMsMax = 5 * minute;

/**
 * How long a receiver is left alone after so many failures in a row, whatever else waits for it: one that hangs, with a
 * thousand deliveries behind it, costs a time-out every five minutes.
 */
export const pauseMs = (failures: number): number => Math.min(pauseMsMax, pauseMsMin * 2 ** Math.max(0, failures - 1));
