/** What a call of a paid endpoint passes before it is sent, retries too. */
import type { Redis } from 'ioredis';
import type { Logger } from '../log.ts';
import { type CallFailure, retryAfterMs } from '../models/retry.ts';
import {
  type MeterAmounts,
  MeterError,
  type MeteredAccount,
  reportThrottled,
  settleMeter,
  waitForMeter,
} from './meters.ts';

export interface CallMeter {
  /**
   * Waits for the account's turn, sends, and tells the meter what became of it.
   *
   * @param estimate of what the call uses @param used what it did use, when the answer says so
   * @throws MeterError before anything was sent, when the turn would come too late
   */
  run<Answer>(
    estimate: MeterAmounts,
    send: () => Promise<Answer>,
    used: (answer: Answer) => MeterAmounts | null,
    signal?: AbortSignal,
  ): Promise<Answer>;
  /** What a call used beyond its estimate, when its answer was not whole at the end of `send`. */
  settle(more: MeterAmounts): void;
  /** Infinite without a limit. */
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
}

/** Of an endpoint without limits. */
export const unmetered: CallMeter = {
  run: (_, send) => send(),
  settle: () => {},
  requestsPerMinute: Number.POSITIVE_INFINITY,
  tokensPerMinute: Number.POSITIVE_INFINITY,
};

export interface CallMeterOptions {
  /** Longest wait for a turn. */
  readonly waitMsMax: number;
  /** @default false */
  readonly bursts?: boolean;
  /** What happens while Redis is away: `send` rests on the provider's own limit, `fail` waits for Redis. */
  readonly withoutRedis: 'send' | 'fail';
  readonly log: Logger;
}

/** An account without limits passes everything, and asks nobody. */
export function createCallMeter(redis: Redis | null, account: MeteredAccount, options: CallMeterOptions): CallMeter {
  const { waitMsMax, bursts = false, withoutRedis, log } = options;
  const { requestsPerMinute = 0, tokensPerMinute = 0 } = account;
  if (!redis || (requestsPerMinute === 0 && tokensPerMinute === 0)) return unmetered;

  const take = async (amounts: MeterAmounts, signal?: AbortSignal) => {
    try {
      await waitForMeter(redis, account, { requests: 1, ...amounts }, { waitMsMax, signal, bursts });
    } catch (error) {
      if (error instanceof MeterError || signal?.aborted || withoutRedis === 'fail') throw error;
      log.warn({ err: error as Error, account: account.name }, 'not metered: the provider keeps its own limit');
    }
  };
  /** The answer is there, or the fault: neither waits for Redis. */
  const tell = (telling: Promise<void>) =>
    void telling.catch((err) => log.warn({ err, account: account.name }, 'the meter was not told'));

  const settle = (more: MeterAmounts) => tell(settleMeter(redis, account, more));

  return {
    requestsPerMinute: requestsPerMinute || Number.POSITIVE_INFINITY,
    tokensPerMinute: tokensPerMinute || Number.POSITIVE_INFINITY,
    settle,
    run: async (estimate, send, used, signal) => {
      await take(estimate, signal);
      try {
        const answer = await send();
        const tokens = used(answer)?.tokens;
        const more = tokens === undefined ? 0 : tokens - (estimate.tokens ?? 0);
        if (more !== 0) settle({ tokens: more });
        return answer;
      } catch (error) {
        const failure = error as CallFailure;
        if (failure?.status === 429) tell(reportThrottled(redis, account, retryAfterMs(failure) ?? 0));
        throw error;
      }
    },
  };
}
