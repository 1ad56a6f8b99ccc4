/** How long a model's answer is waited for. */

/** A reader gives up before; a model that thinks first must be set up to say so in tokens. */
const firstTokenTimeoutMs = 30_000;
/** A stream that pauses longer has died without closing its connection. */
const tokenTimeoutMs = 30_000;

export interface ModelTimeouts {
  /** @default 30000 */
  readonly firstTokenMs?: number;
  /** Between two tokens. @default 30000 */
  readonly tokenMs?: number;
}

/** Nothing came in time. */
export class TooSlowError extends Error {}

/** The caller's own doing: no failure of the model. */
class AbortedError extends Error {
  readonly aborted = true;
}

export interface Watch {
  /** Aborts the connection. */
  readonly signal: AbortSignal;
  /** Rejects when the caller aborts, or when nothing comes in time. */
  next<Value>(value: Promise<Value>): Promise<Value>;
  end(): void;
}

/** Limits of one call: until its first token, then between tokens. */
export function watchOver(
  caller: AbortSignal,
  { firstTokenMs = firstTokenTimeoutMs, tokenMs = tokenTimeoutMs }: ModelTimeouts,
): Watch {
  const own = new AbortController();
  const signal = AbortSignal.any([caller, own.signal]);
  let limitMs = firstTokenMs;
  return {
    signal,
    next: async (value) => {
      const timer = setTimeout(() => own.abort(new TooSlowError(`nothing came within ${limitMs / 1000} s`)), limitMs);
      try {
        const came = await value;
        // The client ends a stream that was aborted as if it were over.
        signal.throwIfAborted();
        return came;
      } catch (error) {
        if (caller.aborted) throw new AbortedError();
        throw own.signal.aborted ? own.signal.reason : error;
      } finally {
        limitMs = tokenMs;
        clearTimeout(timer);
      }
    },
    end: () => own.abort(new Error('the answer ended')),
  };
}
