/** How long a connection may lie idle between two requests, at both of its ends. Pure. */

/** Balancers refuse a value outside of this range. */
const balancerS = { min: 60, max: 4000 } as const;
/** An answer that is not streamed says nothing for a whole turn; then it still has to be written and sent. */
const afterTurnS = 30;
/** A balancer closes to the second, and its packets have a way to go. */
const serverLongerS = 10;

export interface IdleTimeouts {
  /** Of a balancer, towards clients and replicas alike, in seconds. */
  readonly balancerS: number;
  /**
   * Of a replica, in ms. Always the longer one: the end that sends requests must close first. Where the server does, a
   * request may be on its way as it closes, and the balancer answers 502.
   */
  readonly serverMs: number;
}

/** @param turnTimeoutMs longest answer */
export function idleTimeouts(turnTimeoutMs: number): IdleTimeouts {
  const wanted = Math.ceil(turnTimeoutMs / 1000) + afterTurnS;
  const idle = Math.min(balancerS.max, Math.max(balancerS.min, wanted));
  return { balancerS: idle, serverMs: (idle + serverLongerS) * 1000 };
}
