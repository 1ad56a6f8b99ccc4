/**
 * Calls of an endpoint that failed several times in a row are refused for a while; then one call tries it. Not cockatiel's:
 * there everybody waits for that one, however long it hangs and though they have left, and a clock set back prolongs the rest.
 */

/** So many failures in a row are no accident: asking again would only hold slots and questions that wait for a timeout. */
export const failuresMax = 5;
/** A restart, or a rollout, is over; a question is not held up by more than one try in the meantime. */
export const restMs = 10_000;

/** Not asked: it failed {@link failuresMax} times in a row. */
export class CircuitOpenError extends Error {}

export interface CircuitBreaker {
  /** Closed again by a call that succeeds. */
  readonly isOpen: boolean;
  /** @throws CircuitOpenError; what `call` throws */
  execute<Result>(call: () => Promise<Result>): Promise<Result>;
}

/** @param isOutage which errors are the endpoint's failures; others say nothing of it */
export function createCircuitBreaker(isOutage: (error: unknown) => boolean): CircuitBreaker {
  let failures = 0;
  let restsUntilMs = 0;
  let trying = false;
  const isOpen = () => failures >= failuresMax;
  return {
    get isOpen() {
      return isOpen();
    },
    execute: async (call) => {
      const isTry = isOpen();
      if (isTry && (trying || performance.now() < restsUntilMs))
        throw new CircuitOpenError(`it failed ${failuresMax} times in a row, and is left alone for a while`);
      trying ||= isTry;
      try {
        const result = await call();
        failures = 0;
        return result;
      } catch (error) {
        if (isOutage(error)) {
          failures += 1;
          // Calls that were under way when it opened do not prolong the rest.
          if (isTry || failures === failuresMax) restsUntilMs = performance.now() + restMs;
        }
        throw error;
      } finally {
        if (isTry) trying = false;
      }
    },
  };
}
