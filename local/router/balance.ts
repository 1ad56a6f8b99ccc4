/** Which replica takes the next request. Pure. */

export interface Replica {
  /** @default '127.0.0.1' */
  readonly host?: string;
  readonly port: number;
  readonly ready: boolean;
  /** Requests under way to it. */
  outstanding: number;
}

/** The ready replica with the fewest requests under way, the first of equals; `undefined` when none is ready. */
export function leastOutstanding<R extends Replica>(replicas: readonly R[]): R | undefined {
  return replicas
    .filter(({ ready }) => ready)
    .reduce<R | undefined>(
      (best, replica) => (best === undefined || replica.outstanding < best.outstanding ? replica : best),
      undefined,
    );
}
