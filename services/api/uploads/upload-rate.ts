/** How slowly an upload may come: a minimum in every window, and a time for all of it by its size. */
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '../../shared/http/problem.ts';

export interface UploadRate {
  readonly windowMs: number;
  readonly windowBytesMin: number;
  /** Added to the time that the size allows. */
  readonly graceMs: number;
  readonly bytesPerSecondMin: number;
}

/**
 * @param bytesMax of an upload that does not say its length
 * @returns aborts with a ProblemError `too-slow`; `stop` when the body has been read
 */
export function watchRate(
  { raw }: FastifyRequest,
  bytesMax: number,
  { windowMs, windowBytesMin, graceMs, bytesPerSecondMin }: UploadRate,
): { signal: AbortSignal; stop(): void } {
  const tooSlow = new AbortController();
  const { socket } = raw;
  let seen = socket.bytesRead;
  const window = setInterval(() => {
    const bytes = socket.bytesRead - seen;
    seen = socket.bytesRead;
    // What has arrived waits for the object store: not the sender is slow.
    if (raw.complete || raw.readableLength >= raw.readableHighWaterMark || !(bytes < windowBytesMin)) return;
    tooSlow.abort(
      new ProblemError(
        'too-slow',
        `${bytes} bytes came in ${windowMs / 1000} s, and the least is ${windowBytesMin}. Upload again over a faster line.`,
      ),
    );
  }, windowMs);
  const size = Number(raw.headers['content-length'] ?? bytesMax);
  const wholeMs = graceMs + (size / bytesPerSecondMin) * 1000;
  const whole = setTimeout(
    () =>
      tooSlow.abort(
        new ProblemError(
          'too-slow',
          `The upload had not ended after ${Math.round(wholeMs / 1000)} s, which is the most for its size. Upload again over a faster line.`,
        ),
      ),
    wholeMs,
  );
  return {
    signal: tooSlow.signal,
    stop: () => {
      clearInterval(window);
      clearTimeout(whole);
    },
  };
}
