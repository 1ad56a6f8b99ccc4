/** Which failures of a paid endpoint are worth another try, and when. */
import { handleWhen, type IBackoff, type IBackoffFactory, type IRetryBackoffContext, retry } from 'cockatiel';

/** Four tries span about 7 s without Retry-After: longer than a restart behind a balancer, shorter than a lease. */
const attemptsMax = 3;
const firstDelayMs = 500;
/** A provider that asks for more has a quota, not a hiccup: the caller is told instead. */
const retryAfterMsMax = 60_000;

/** Retries 429, 5xx and a lost network, and nothing else: another 4xx fails the same way again, and costs again. */
export const retryTransient = (random: () => number = Math.random) =>
  retry(handleWhen(isTransient), { maxAttempts: attemptsMax, backoff: new RetryAfterBackoff(random) });

/** An `APICallError` of the `ai` package, by shape: importing its class would load the whole package at start. */
interface CallFailure {
  readonly statusCode?: number;
  readonly responseHeaders?: Readonly<Record<string, string>>;
}

export function isTransient(error: unknown): boolean {
  const { name, statusCode, cause } = error as CallFailure & { name?: string; cause?: { code?: unknown } };
  if (name === 'AbortError') return false;
  if (name === 'TimeoutError') return true;
  if (statusCode !== undefined) return statusCode === 429 || (statusCode >= 500 && !asksForMore(error as CallFailure));
  return name === 'AI_APICallError' || networkCodes.has(String(cause?.code));
}

const networkCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'UND_ERR_SOCKET']);
const asksForMore = (failure: CallFailure) => (retryAfterMs(failure) ?? 0) > retryAfterMsMax;

/** Delay before try `attempt + 1`: what the provider asks for, else exponential with full jitter (AWS Architecture Blog, 2015). */
export function retryDelayMs(attempt: number, failure: CallFailure, random: () => number): number {
  const asked = retryAfterMs(failure);
  if (asked !== null) return Math.min(asked, retryAfterMsMax);
  return Math.round(firstDelayMs * 2 ** attempt * (0.5 + random() / 2));
}

/** `Retry-After` in seconds or as a date. */
function retryAfterMs({ responseHeaders }: CallFailure): number | null {
  const given = responseHeaders?.['retry-after'];
  if (!given) return null;
  const seconds = Number(given);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(given);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}

class RetryAfterBackoff implements IBackoffFactory<IRetryBackoffContext<unknown>> {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  next(context: IRetryBackoffContext<unknown>): IBackoff<IRetryBackoffContext<unknown>> {
    const failure = 'error' in context.result ? (context.result.error as CallFailure) : {};
    return { duration: retryDelayMs(context.attempt, failure, this.#random), next: (next) => this.next(next) };
  }
}
