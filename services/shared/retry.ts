/** Which failures of a paid endpoint are worth another try, and when. */
import { handleWhen, type IBackoff, type IBackoffFactory, type IRetryBackoffContext, retry } from 'cockatiel';

export interface RetryOptions {
  /** Tries after the first. @default 3: they span about 7 s, longer than a restart behind a balancer. */
  readonly retriesMax?: number;
  /** A provider that asks for more has a quota, not a hiccup: the caller is told instead. @default 60000 */
  readonly retryAfterMsMax?: number;
  /** Which failures; never one after which the work may have been done. @default {@link isTransient} */
  readonly when?: (error: unknown) => boolean;
  readonly random?: () => number;
}

const firstDelayMs = 500;

/** Retries 429, 5xx and a lost network, and nothing else: another 4xx fails the same way again, and costs again. */
export function retryTransient({
  retriesMax = 3,
  retryAfterMsMax = 60_000,
  when = isTransient,
  random = Math.random,
}: RetryOptions = {}) {
  const worthIt = (error: unknown) => when(error) && (retryAfterMs(error as CallFailure) ?? 0) <= retryAfterMsMax;
  return retry(handleWhen(worthIt), { maxAttempts: retriesMax, backoff: new RetryAfterBackoff(random) });
}

/** An `APICallError` of the `ai` package, by shape: importing its class would load the whole package at start. */
interface CallFailure {
  readonly statusCode?: number;
  readonly responseHeaders?: Readonly<Record<string, string>>;
}

export function isTransient(error: unknown): boolean {
  const { name, statusCode, cause } = error as CallFailure & { name?: string; cause?: { code?: unknown } };
  if (name === 'AbortError') return false;
  if (name === 'TimeoutError') return true;
  if (statusCode !== undefined) return statusCode === 429 || statusCode >= 500;
  return name === 'AI_APICallError' || networkCodes.has(String(cause?.code));
}

const networkCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'UND_ERR_SOCKET']);

/** Delay before try `attempt + 1`: what the provider asks for, else exponential with full jitter (AWS Architecture Blog, 2015). */
export function retryDelayMs(attempt: number, failure: CallFailure, random: () => number): number {
  const asked = retryAfterMs(failure);
  if (asked !== null) return asked;
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
