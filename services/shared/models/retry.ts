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

/** An answer that is no success; the `openai` package's `APIError` is one. */
export interface CallFailure {
  readonly status?: number;
  readonly headers?: Headers;
}

export function isTransient(error: unknown): boolean {
  const { name, status } = error as CallFailure & { name?: string };
  if (name === 'AbortError') return false;
  if (name === 'TimeoutError') return true;
  if (status !== undefined) return status === 429 || status >= 500;
  return networkCodes.has(networkCode(error));
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
]);

/** The system's word for what happened to the connection, below what `fetch` and a client wrap around it; else ''. */
export function networkCode(error: unknown): string {
  let at = error as { code?: unknown; cause?: unknown } | undefined;
  for (let depth = 0; at && depth < causesMax; at = at.cause as typeof at, depth++)
    if (typeof at.code === 'string') return at.code;
  return '';
}

/** The request did not get there, so nobody bills it. */
export const wasNeverReached = (error: unknown): boolean => neverReached.has(networkCode(error));
const neverReached = new Set(['ECONNREFUSED', 'EAI_AGAIN', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT']);

/** A client's error, fetch's, the socket's; more would be a circle. */
const causesMax = 4;

/** Delay before try `attempt + 1`: what the provider asks for, else exponential with full jitter (AWS Architecture Blog, 2015). */
export function retryDelayMs(attempt: number, failure: CallFailure, random: () => number): number {
  const asked = retryAfterMs(failure);
  if (asked !== null) return asked;
  return Math.round(firstDelayMs * 2 ** attempt * (0.5 + random() / 2));
}

/** `Retry-After` in seconds or as a date; `retry-after-ms`, of OpenAI and our own yields, says it more exactly. */
export function retryAfterMs({ headers }: CallFailure): number | null {
  const ms = headers?.get('retry-after-ms');
  if (ms && Number.isFinite(Number(ms))) return Math.max(0, Number(ms));
  const given = headers?.get('retry-after');
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
