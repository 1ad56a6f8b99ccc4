/** When a job is looked at again. Linear, never exponential: a job's end is no outage, and a late look is time lost. */

export interface Schedule {
  /** @param poll from 1: how many looks there were. */
  readonly waitMs: (poll: number) => number;
  /** `instead`: what the server says in `Retry-After` is waited, nothing else. `least`: never less than that. */
  readonly serverHint: 'instead' | 'least';
}

const second = 1000;
const minute = 60 * second;

/** Linear: so much more with each look, up to a most. */
export const linear =
  (stepMs: number, mostMs: number) =>
  (poll: number): number =>
    Math.min(mostMs, stepMs * Math.max(1, poll));

export const schedules = {
  /** Somebody waits: as the server says; should it say nothing, 2 s, 4 s, 6 s and so on to 30 s. */
  watch: { waitMs: linear(2 * second, 30 * second), serverHint: 'instead' },
  /** Nobody waits: 5, 10, 10 ... minutes. A 2,000-page document at 100 pages a minute costs four looks. */
  batch: { waitMs: linear(5 * minute, 10 * minute), serverHint: 'least' },
} as const satisfies Record<string, Schedule>;

/** @param hintMs of the server; null: it said nothing */
export function nextWaitMs({ waitMs, serverHint }: Schedule, poll: number, hintMs: number | null): number {
  if (hintMs === null) return waitMs(poll);
  return serverHint === 'instead' ? hintMs : Math.max(hintMs, waitMs(poll));
}
