/** Latency under load: open-loop probes and closed-loop saturation. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Latencies {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly calls: number;
  readonly failed: number;
}

/**
 * One call every `everyMs`, however long those before take: a queue that builds up is seen, not avoided (coordinated
 * omission). A call that fails counts with the time until it failed.
 *
 * @param call resolves when the moment that counts has come, with what is left to do after it
 */
export async function probe(
  call: () => Promise<(() => Promise<unknown>) | undefined>,
  { everyMs, durationMs }: { readonly everyMs: number; readonly durationMs: number },
): Promise<Latencies> {
  const times: number[] = [];
  let failed = 0;
  const calls: Promise<void>[] = [];
  const one = async () => {
    const start = performance.now();
    const rest = await call().catch(() => {
      failed++;
      return undefined;
    });
    times.push(performance.now() - start);
    await rest?.().catch(() => {});
  };
  const start = performance.now();
  for (let index = 0; index * everyMs < durationMs; index++) {
    await sleep(Math.max(0, start + index * everyMs - performance.now()));
    calls.push(one());
  }
  await Promise.all(calls);
  return { ...quantiles(times), calls: times.length, failed };
}

/** The nearest-rank quantiles. */
export function quantiles(timesMs: readonly number[]): { p50Ms: number; p99Ms: number } {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Keeps `width` calls in flight until stopped. A call that fails is followed by the next after a moment. */
export function saturate(width: number, call: () => Promise<unknown>): { stop(): Promise<{ done: number }> } {
  let over = false;
  let done = 0;
  const worker = async () => {
    while (!over)
      await call().then(
        () => done++,
        () => sleep(20),
      );
  };
  const workers = Array.from({ length: width }, worker);
  return {
    stop: async () => {
      over = true;
      await Promise.all(workers);
      return { done };
    },
  };
}
