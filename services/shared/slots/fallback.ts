/**
 * How many of the fleet's slots a replica may use while Redis does not tell. Pure.
 *
 * The shares of all replicas add up to the fleet's slots. But who was over its share when Redis went still runs that work:
 * until it must have ended, the others use no more than was free at the last word. So the sum stays within the fleet's
 * slots; only what others took between the last word and the loss, within {@link syncMs}, nobody knows.
 */

export interface LastWord {
  /** Of the whole fleet. */
  readonly taken: number;
  readonly replicas: number;
  /** Of this replica among them, from 0. */
  readonly rank: number;
}

export interface Lost {
  readonly atMs: number;
  /** Slots of this replica then. */
  readonly held: number;
  /** Slots of the fleet that nobody had then. */
  readonly free: number;
}

/** @param jobMsMax longest use of a slot */
export function fallbackBound(
  max: number,
  { replicas, rank }: LastWord,
  lost: Lost,
  nowMs: number,
  jobMsMax: number,
): number {
  const share = Math.floor(max / replicas) + (rank < max % replicas ? 1 : 0);
  if (nowMs - lost.atMs >= jobMsMax) return share;
  return Math.min(share, Math.max(lost.held, Math.floor(Math.max(0, lost.free) / replicas)));
}
