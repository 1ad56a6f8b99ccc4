/**
 * Queues in formulas. Erlang B and C: L. Kleinrock, Queueing Systems I (1975), 3.4 and 3.5. General service times by
 * the approximation of Allen and Cunneen (A. O. Allen, Probability, Statistics, and Queueing Theory, 1990, 5.3):
 * Wq = Wq(M/M/k) x (ca2 + cs2) / 2, exact for M/M/k and M/G/1.
 */

/** Share of arrivals that find all servers of a system without a queue taken: Erlang B, whatever the service times. */
export function refusedShare(servers: number, offered: number): number {
  let share = 1;
  for (let n = 1; n <= servers; n += 1) share = (offered * share) / (n + offered * share);
  return share;
}

/** The most load, in Erlang, of which at most `refusedMax` is refused. */
export function offeredAt(servers: number, refusedMax: number): number {
  let [low, high] = [0, servers / (1 - refusedMax)];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (refusedShare(servers, middle) <= refusedMax) low = middle;
    else high = middle;
  }
  return low;
}

/** Share of arrivals that wait: Erlang C. `offered` is below `servers`. */
export function waitingShare(servers: number, offered: number): number {
  const refused = refusedShare(servers, offered);
  return refused / (1 - (offered / servers) * (1 - refused));
}

export interface Queue {
  readonly servers: number;
  readonly arrivalsPerSecond: number;
  readonly serviceSeconds: number;
  /** Squared coefficients of variation: 0 is constant, 1 exponential. @default 1 */
  readonly arrivalScv?: number;
  readonly serviceScv?: number;
}

export interface Waits {
  readonly utilisation: number;
  readonly waitingShare: number;
  readonly meanSeconds: number;
  /** Of all arrivals, those that do not wait included. Exact for M/M/k; else with the mean stretched as above. */
  readonly p95Seconds: number;
}

/** Waits before service; without end at a utilisation of 1 or above. */
export function waitsOf({ servers, arrivalsPerSecond, serviceSeconds, arrivalScv = 1, serviceScv = 1 }: Queue): Waits {
  const offered = arrivalsPerSecond * serviceSeconds;
  const utilisation = offered / servers;
  if (utilisation >= 1)
    return {
      utilisation,
      waitingShare: 1,
      meanSeconds: Number.POSITIVE_INFINITY,
      p95Seconds: Number.POSITIVE_INFINITY,
    };
  const share = waitingShare(servers, offered);
  // Of one that has to wait.
  const conditional = ((serviceSeconds / (servers * (1 - utilisation))) * (arrivalScv + serviceScv)) / 2;
  return {
    utilisation,
    waitingShare: share,
    meanSeconds: share * conditional,
    p95Seconds: share > 0.05 ? conditional * Math.log(share / 0.05) : 0,
  };
}
